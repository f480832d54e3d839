import { z } from "zod";
import { Shell, Text } from "./step-verbs.ts";

/** A command on another machine. Strings are templates; the port may be one too. */
export const SshCommand = z
  .strictObject({
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
    /** A list runs as it is; a string runs by `sh -c`. */
    command: Shell,
    /** As root, or as the user that is named, by `sudo -n`. */
    sudo: z.union([z.boolean(), Text.min(1)]).default(false),
  })
  .superRefine(({ key, agent, hostKey, knownHosts }, ctx) => {
    const fault = (message: string): void => ctx.addIssue({ code: "custom", message });
    if ((key !== undefined) === agent) fault("has exactly one of key, agent");
    if (hostKey !== undefined && knownHosts !== undefined) fault("has one of hostKey, knownHosts at most");
  });
export type SshCommand = z.infer<typeof SshCommand>;
