import { Liquid, toValue } from "liquidjs";

/** Names and what they stand for; own properties alone can be read. */
export type TemplateValues = Readonly<Record<string, unknown>>;

/** Renders one string of a step; `where` names it in the error. */
export type Render = (where: string, template: string) => string;

/** A template that cannot be rendered: trying again would not help. */
export class TemplateError extends Error {
  override readonly name = "TemplateError";
}

const MAX_CHARACTERS = 256 * 1024;
const MAX_RENDER_MS = 1_000;
const MAX_ALLOCATIONS = 4 * 1024 * 1024;

/** They read other files: a definition is all there is to a step. */
const FILE_TAGS = ["include", "render", "layout", "block"];

const liquid = createLiquid();

/**
 * One renderer for all strings of a step: together they stay below 256 KB, and one second of rendering. Rendering
 * is synchronous, so that second is also the longest that a template can keep the runner from its other work.
 */
export function createRender(values: TemplateValues): Render {
  let charactersLeft = MAX_CHARACTERS;
  let msLeft = MAX_RENDER_MS;
  return (where, template) => {
    const begun = performance.now();
    const text = renderOne(where, template, values, msLeft);
    msLeft -= performance.now() - begun;
    charactersLeft -= text.length;
    if (charactersLeft < 0) throw new TemplateError(`${where}: the step's strings are longer than 256 KB`);
    return text;
  };
}

/** Why a text is no template; undefined where it is one. */
export function templateFaultOf(template: string): string | undefined {
  if (!isTemplate(template)) return undefined;
  try {
    liquid.parse(template);
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/** The paths of what a template reads and does not set itself; a part that is computed is null. Throws where it is no template. */
export function namesReadBy(template: string): readonly (readonly (string | null)[])[] {
  if (!isTemplate(template)) return [];
  return liquid
    .globalVariableSegmentsSync(liquid.parse(template))
    .map((path) => path.map((part) => (typeof part === "string" ? part : null)));
}

const isTemplate = (text: string): boolean => text.includes("{{") || text.includes("{%");

function renderOne(where: string, template: string, values: TemplateValues, msLeft: number): string {
  if (!isTemplate(template)) return template;
  try {
    // A copy, because `increment` and `decrement` write into what they are given.
    const text: unknown = liquid.parseAndRenderSync(template, { ...values }, { renderLimit: msLeft });
    return String(text);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new TemplateError(`${where}: ${why}`, { cause: error });
  }
}

function createLiquid(): Liquid {
  const engine = new Liquid({
    strictVariables: true,
    strictFilters: true,
    // Lets `default` and `if` ask for what is not there.
    lenientIf: true,
    ownPropertyOnly: true,
    // Replaces the file system by nothing.
    templates: {},
    parseLimit: MAX_CHARACTERS,
    renderLimit: MAX_RENDER_MS,
    memoryLimit: MAX_ALLOCATIONS,
    outputEscape: asText,
  });
  for (const tag of FILE_TAGS) Reflect.deleteProperty(engine.tags, tag);
  // Its own `raw` would also get round asText.
  engine.registerFilter("raw", (value: unknown) => value);
  return engine;
}

/** Liquid would make `[object Object]` of an object and glue the items of a list together. */
function asText(value: unknown): string {
  const plain: unknown = toValue(value);
  if (plain === null || plain === undefined) return "";
  return typeof plain === "string" ? plain : JSON.stringify(plain);
}
