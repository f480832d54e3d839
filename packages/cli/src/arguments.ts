import { parseDuration, Reference } from "@jetmesh/protocol";
import { InvalidArgumentError } from "commander";
import { parse } from "yaml";
import { UsageError } from "./errors.ts";

/** Parsers of single options, as commander takes them: what they throw is a usage error. */
export function duration(text: string): number {
  const ms = parseDuration(text);
  if (ms === undefined || ms <= 0) throw new InvalidArgumentError("A duration is 30s, 5m, or milliseconds.");
  return ms;
}

export function wholeNumber(least: number, most: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (text.trim() === "" || !Number.isInteger(value) || value < least || value > most) {
      throw new InvalidArgumentError(`A whole number from ${least} to ${most}.`);
    }
    return value;
  };
}

export function reference(text: string): string {
  if (Reference.safeParse(text).success) return text;
  throw new InvalidArgumentError("A reference is 1 to 63 of a-z 0-9 _ -, a letter or a digit first.");
}

export const collect = (one: string, before: readonly string[]): readonly string[] => [...before, one];

/** `--users alice,bob --users carol` */
export const collectReferences = (text: string, before: readonly string[]): readonly string[] => [
  ...before,
  ...text.split(",").map((one) => reference(one.trim())),
];

/**
 * `port=8080 tags=[a,b] name=x`: the value is read as YAML reads a scalar or a flow, so that numbers are numbers;
 * quotes keep text text.
 */
export function parsePairs(option: string, pairs: readonly string[]): Record<string, unknown> {
  const values: Record<string, unknown> = {};
  for (const pair of pairs) {
    const at = pair.indexOf("=");
    if (at < 1) throw new UsageError(`${option} takes NAME=VALUE, not '${pair}'`);
    values[pair.slice(0, at)] = parseValue(option, pair.slice(at + 1));
  }
  return values;
}

function parseValue(option: string, text: string): unknown {
  if (text === "") return "";
  try {
    return parse(text, { logLevel: "error" }) as unknown;
  } catch (thrown) {
    const why = thrown instanceof Error ? thrown.message.split("\n")[0] : "";
    throw new UsageError(`${option}: '${text}' cannot be read as a value: ${why ?? ""}; put text in quotes`);
  }
}

/** `--argument '{"force":true}' --arg port=80`: one object, single values on top. */
export function parseArgument(given: { argument?: string; arg: readonly string[] }): Record<string, unknown> {
  return { ...parseObject(given.argument), ...parsePairs("--arg", given.arg) };
}

function parseObject(text: string | undefined): Record<string, unknown> {
  if (text === undefined) return {};
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new UsageError(`--argument takes a JSON object, not '${text}'`);
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new UsageError("--argument takes a JSON object, like '{\"force\":true}'");
  }
  return value as Record<string, unknown>;
}
