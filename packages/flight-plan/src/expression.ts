import type { JsonObject } from "@jetmesh/protocol";
import { Environment } from "@marcbachmann/cel-js";
import type { TemplateValues } from "./render.ts";

type Json = JsonObject[string];

/** An expression that is none, or that cannot be evaluated with what there is: never a silent no. */
export class ExpressionError extends Error {
  override readonly name = "ExpressionError";
}

/**
 * Expressions are CEL: they come to an end by themselves, and see names alone. Whole numbers are CEL's `int`, as they are
 * where they stand in an expression, so that `port + 1` is a number and no error.
 */
const cel = new Environment({
  unlistedVariablesAreDyn: true,
  homogeneousAggregateLiterals: false,
  enableOptionalTypes: true,
  limits: {
    maxAstNodes: 2_000,
    maxDepth: 60,
    maxListElements: 1_000,
    maxMapEntries: 1_000,
    maxCallArguments: 32,
  },
});

type Parsed = ReturnType<Environment["parse"]>;
const parsed = new Map<string, Parsed>();
const MOST_PARSED = 1_000;

function parse(expression: string): Parsed {
  const found = parsed.get(expression);
  if (found !== undefined) return found;
  let made: Parsed;
  try {
    made = cel.parse(expression);
  } catch (thrown) {
    throw new ExpressionError(firstLine(thrown), { cause: thrown });
  }
  if (parsed.size >= MOST_PARSED) parsed.delete(parsed.keys().next().value ?? "");
  parsed.set(expression, made);
  return made;
}

/** Why a text is no expression; undefined where it is one. */
export function faultOf(expression: string): string | undefined {
  try {
    parse(expression);
    return undefined;
  } catch (thrown) {
    return firstLine(thrown);
  }
}

/** Whether it looks at secrets: what an expression comes to is written down, so that it must not. */
export const namesSecrets = (expression: string): boolean =>
  expression.includes("secrets") && namesIn(parse(expression).ast).includes("secrets");

/** The names that stand by themselves in a tree of the parser's; those behind a dot are none. */
function namesIn(node: unknown): unknown[] {
  if (Array.isArray(node)) return node.flatMap(namesIn);
  if (typeof node !== "object" || node === null || !("op" in node) || !("args" in node)) return [];
  return node.op === "id" ? [node.args] : namesIn(node.args);
}

/** What an expression comes to, as JSON. Throws an ExpressionError. */
export function evaluate(expression: string, values: TemplateValues): Json {
  const code = parse(expression);
  try {
    return fromCel(code(toCel(values) as Record<string, unknown>));
  } catch (thrown) {
    throw new ExpressionError(firstLine(thrown), { cause: thrown });
  }
}

/** Whether a condition holds. What is no truth value is a mistake, not a yes. */
export function holds(condition: string, values: TemplateValues): boolean {
  const value = evaluate(condition, values);
  if (typeof value === "boolean") return value;
  throw new ExpressionError(`is ${value === null ? "null" : typeof value} and not true or false`);
}

const firstLine = (thrown: unknown): string =>
  (thrown instanceof Error ? thrown.message : String(thrown)).split("\n", 1)[0] ?? "";

function toCel(value: unknown): unknown {
  if (typeof value === "number") return Number.isSafeInteger(value) ? BigInt(value) : value;
  if (Array.isArray(value)) return value.map(toCel);
  if (typeof value !== "object" || value === null) return value;
  const copy = Object.create(null) as Record<string, unknown>;
  for (const [key, each] of Object.entries(value)) if (each !== undefined) copy[key] = toCel(each);
  return copy;
}

function fromCel(value: unknown): Json {
  if (typeof value === "bigint") {
    const number = Number(value);
    if (!Number.isSafeInteger(number)) throw new Error(`${String(value)} is larger than a number may be`);
    return number;
  }
  if (value === null || typeof value === "string" || typeof value === "boolean") return value;
  if (typeof value === "number") {
    if (!Number.isFinite(value)) throw new Error(`${String(value)} is no number that can be kept`);
    return value;
  }
  if (value instanceof Date) return value.toISOString();
  if (Array.isArray(value)) return value.map(fromCel);
  if (value instanceof Map)
    return Object.fromEntries([...value].map(([key, each]) => [String(key), fromCel(each)]));
  if (typeof value === "object" && isPlain(value))
    return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, fromCel(each)]));
  throw new Error("comes to something that is no JSON");
}

function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || prototype === Object.prototype;
}
