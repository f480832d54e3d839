#!/usr/bin/env node
// From a fresh clone to a running command: Node, pnpm, packages, nats-server, then the command itself.
//
// B1  Every step is skipped where it is satisfied, which is judged from files alone: a satisfied set-up says nothing
//     and starts no process.
// B2  Only .cache and node_modules are written, never the system.
// B3  One bootstrap sets up at a time; what it makes appears whole, by a rename.
// B4  Long-lived processes are direct children with signals forwarded, never behind a package manager.
//
// This file and scripts/bootstrap/ must parse and run on Node 18: it is what fetches a newer one.
import { COMMANDS, needsServer } from "./bootstrap/commands.mjs";
import { withLock } from "./bootstrap/lock.mjs";
import { natsServer } from "./bootstrap/nats-server.mjs";
import { nodeRuntime } from "./bootstrap/node-runtime.mjs";
import { packageManager } from "./bootstrap/package-manager.mjs";
import { packages } from "./bootstrap/packages.mjs";
import { SetupError, say } from "./bootstrap/paths.mjs";
import { Interrupted } from "./bootstrap/processes.mjs";

async function setUp(steps) {
  if (steps.every((step) => step.isSatisfied())) return;
  await withLock(async () => {
    for (const step of steps) if (!step.isSatisfied()) await step.make();
  });
}

async function main([name, ...args]) {
  const command = COMMANDS[name];
  if (command === undefined) {
    throw new SetupError(`unknown command "${name}"; there are ${Object.keys(COMMANDS).join(", ")}`);
  }
  const steps = [nodeRuntime, packageManager, packages];
  if (needsServer(name, args, process.env)) steps.push(natsServer);
  await setUp(steps);
  return command(args);
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  if (error instanceof Interrupted) process.exitCode = error.exitCode;
  else if (error instanceof SetupError) {
    say(error.message);
    process.exitCode = 1;
  } else throw error;
}
