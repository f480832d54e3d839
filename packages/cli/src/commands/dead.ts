import type { LetterSummary, NumberedLetter } from "@jetmesh/protocol";
import type { Command } from "commander";
import { wholeNumber } from "../arguments.ts";
import { contextOf, withMesh } from "../command-context.ts";
import { bodyLines, printable } from "../dead-body.ts";
import { listAll, noteMore } from "../pages.ts";
import type { Environment } from "../settings.ts";
import { dateTime, formatRecord } from "../table.ts";
import { addReplay } from "./dead-replay.ts";

export function addDead(program: Command, env: Environment): void {
  const dead = program.command("dead").description("see what could not be processed, and send it again");
  addList(dead, env);
  addShow(dead, env);
  addReplay(dead, env);
}

/** A letter's place in its stream. */
const letterNumber = wholeNumber(1, Number.MAX_SAFE_INTEGER);

function addList(dead: Command, env: Environment): void {
  dead
    .command("list")
    .description("list dead letters, the newest last; they go after 30 days")
    .option("--stream <stream>", "only those of messages of a stream, as JM_TRIGGERS")
    .option("--limit <n>", "at most so many", wholeNumber(1, 1_000_000), 1_000)
    .option("--cursor <cursor>", "go on from where a list before ended")
    .action(
      async ({ limit, ...filter }: { stream?: string; limit: number; cursor?: string }, command: Command) => {
        await withMesh(contextOf(command, env), async ({ client, settings, output }) => {
          const { timeoutMs } = settings;
          const answer = await listAll<LetterSummary>(client, "dead.list", filter, { limit, timeoutMs });
          output.table(answer, ["SEQ", "AT", "CODE", "SUBJECT", "BYTES", "REASON"], (one) => [
            String(one.sequence),
            dateTime(one.at),
            one.code,
            printable(one.origin.subject === "" ? one.origin.stream : one.origin.subject),
            String(one.size),
            shortened(printable(one.reason)),
          ]);
          noteMore(output, answer, limit);
        });
      },
    );
}

const REASON_WIDTH = 80;
const shortened = (text: string): string =>
  text.length > REASON_WIDTH ? `${text.slice(0, REASON_WIDTH - 1)}…` : text;

function addShow(dead: Command, env: Environment): void {
  dead
    .command("show")
    .description("show a dead letter: why, where from, and the message")
    .argument("<seq>", "its number, as `dead list` shows it", letterNumber)
    .action(async (sequence: number, _options: unknown, command: Command) => {
      await withMesh(contextOf(command, env), async ({ client, settings, output }) => {
        const letter = await client.request<NumberedLetter>("dead.get", { sequence }, settings.timeoutMs);
        output.result(letter, () => letterLines(letter));
      });
    });
}

export function letterLines(letter: NumberedLetter): string[] {
  const { origin, headers = {}, size } = letter;
  const body = Buffer.from(letter.data, "base64");
  const cut = body.length < size ? `, of which the first ${body.length} are kept` : "";
  return [
    ...formatRecord([
      ["letter", String(letter.sequence)],
      ["reason", printable(letter.reason)],
      ["code", letter.code],
      ["at", dateTime(letter.at)],
      ["stream", origin.stream === "none" ? "none: a request" : origin.stream],
      ["sequence", origin.sequence?.toString()],
      ["subject", printable(origin.subject)],
      ["deliveries", origin.deliveries?.toString()],
      ["size", `${size} bytes${cut}`],
    ]),
    ...Object.entries(headers).map(([name, value]) => `  ${printable(name)}: ${printable(value)}`),
    ...(body.length === 0 ? [] : ["", ...bodyLines(body)]),
  ];
}
