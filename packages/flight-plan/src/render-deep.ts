import type { JsonObject } from "@jetmesh/protocol";
import type { Render } from "./render.ts";

type Json = JsonObject[string];

/** Renders every string of an object, however deep; names stay as they are. */
export const renderDeep = (render: Render, where: string, value: JsonObject): JsonObject =>
  Object.fromEntries(
    Object.entries(value).map(([name, each]) => [name, inside(render, `${where}.${name}`, each)]),
  );

function inside(render: Render, where: string, value: Json): Json {
  if (typeof value === "string") return render(where, value);
  if (isList(value)) return value.map((each, index) => inside(render, `${where}[${String(index)}]`, each));
  return typeof value === "object" && value !== null ? renderDeep(render, where, value) : value;
}

const isList = (value: Json): value is readonly Json[] & Json => Array.isArray(value);
