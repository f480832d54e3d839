import { z } from "zod";
import { SshTarget } from "./ssh-step.ts";
import { Text } from "./step-verbs.ts";

/** A number is refused: YAML reads 0644 as six hundred and forty-four. */
const Mode = z.string().regex(/^[0-7]{3,4}$/, 'must be three or four octal digits in quotes, as in "0644"');

/** What is to be in a file, on the runner's machine or on another. Strings are templates. */
export const FileWrite = z
  .strictObject({
    /** Absolute. A symbolic link is followed. */
    path: Text.min(1),
    content: Text.optional(),
    /** Left out: as the file has it; of one that is new 0644. */
    mode: Mode.optional(),
    /** What becomes of a file that is there and has other content. */
    exists: z.enum(["replace", "keep", "error"]).default("replace"),
    /** There is to be no such file. */
    absent: z.boolean().default(false),
    /** Where; left out: on the runner's machine. */
    on: SshTarget.optional(),
  })
  .superRefine(({ content, absent, mode, exists }, ctx) => {
    const fault = (message: string): void => ctx.addIssue({ code: "custom", message });
    if ((content !== undefined) === absent) fault("has exactly one of content, absent");
    if (absent && (mode !== undefined || exists !== "replace")) fault("mode and exists belong to content");
  });
export type FileWrite = z.infer<typeof FileWrite>;
