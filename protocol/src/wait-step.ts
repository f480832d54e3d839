import { z } from "zod";
import { Duration } from "./duration.ts";
import { SshCommand } from "./ssh-step.ts";
import { HttpRequest, Shell } from "./step-verbs.ts";

/** Asked again and again, holding no runner meanwhile; the step's timeout is how long at most. */
export const WaitUntil = z
  .strictObject({
    shell: Shell.optional(),
    ssh: SshCommand.optional(),
    http: HttpRequest.optional(),
    every: Duration.pipe(z.number().min(100, "must be 100 ms at least")).default(5_000),
  })
  .refine(
    ({ shell, ssh, http }) => [shell, ssh, http].filter((one) => one !== undefined).length === 1,
    "waits until exactly one of shell, ssh, http succeeds",
  );
export type WaitUntil = z.infer<typeof WaitUntil>;

/** For so long, or until something succeeds. */
export const Wait = z.union([Duration, z.strictObject({ until: WaitUntil })]);
export type Wait = z.infer<typeof Wait>;
