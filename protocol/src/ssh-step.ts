import { z } from "zod";
import { Shell, Text } from "./step-verbs.ts";

const target = {
  host: Text.min(1),
  port: z.union([z.int().min(1).max(65_535), Text.min(1)]).default(22),
  user: Text.min(1),
  /** The path of a private key on the runner's machine, without a passphrase. */
  key: Text.min(1).optional(),
  /** The agent that the runner's `SSH_AUTH_SOCK` names. */
  agent: z.boolean().default(false),
  /** `SHA256:…`, or a line of a public key; where neither is given, the runner's `~/.ssh/known_hosts` counts. */
  hostKey: Text.min(1).optional(),
  /** The path of a file of known hosts on the runner's machine. */
  knownHosts: Text.min(1).optional(),
  /** As root, or as the user that is named, by `sudo -n`. */
  sudo: z.union([z.boolean(), Text.min(1)]).default(false),
};

/** Another machine, and as whom. Strings are templates; the port may be one too. */
export const SshTarget = z.strictObject(target).superRefine(checkTarget);
export type SshTarget = z.infer<typeof SshTarget>;

/** A command on another machine. */
export const SshCommand = z
  .strictObject({
    ...target,
    /** A list runs as it is; a string runs by `sh -c`. */
    command: Shell,
  })
  .superRefine(checkTarget);
export type SshCommand = z.infer<typeof SshCommand>;

interface TargetFields {
  readonly key?: string | undefined;
  readonly agent: boolean;
  readonly hostKey?: string | undefined;
  readonly knownHosts?: string | undefined;
}

function checkTarget({ key, agent, hostKey, knownHosts }: TargetFields, ctx: z.RefinementCtx): void {
  const fault = (message: string): void => ctx.addIssue({ code: "custom", message });
  if ((key !== undefined) === agent) fault("has exactly one of key, agent");
  if (hostKey !== undefined && knownHosts !== undefined) fault("has one of hostKey, knownHosts at most");
}
