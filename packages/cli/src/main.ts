#!/usr/bin/env node
import { runCli } from "./program.ts";

// `jm jet list | head` closes the pipe early: that is no failure of ours.
process.stdout.on("error", (error: NodeJS.ErrnoException) => process.exit(error.code === "EPIPE" ? 0 : 1));

process.exit(await runCli(process.argv.slice(2), process.env));
