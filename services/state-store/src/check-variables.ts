import {
  type Definition,
  type Fault,
  MAX_MESH_VARIABLES_BYTES,
  type VariablesDefinition,
} from "@jetmesh/protocol";
import { UnavailableError } from "@jetmesh/storage";
import type { Deps } from "./deps.ts";
import { type ParsedDocument, refuseFaults } from "./parse-documents.ts";

/** Of two sets that name the same, nobody could tell which counts; and all of them are part of each action's record. */
export async function checkVariables(
  { definitions }: Pick<Deps, "definitions">,
  documents: readonly ParsedDocument[],
): Promise<void> {
  const asked = documents.filter(({ definition }) => isSet(definition));
  if (asked.length === 0) return;
  if (!(await definitions.catchUp())) throw new UnavailableError("the definitions cannot be read");
  const sets = new Map(definitions.variableSets().map((one) => [one.reference, one]));
  for (const { definition } of asked) if (isSet(definition)) sets.set(definition.reference, definition);
  const owners = new Map<string, string[]>();
  for (const { reference, variables } of sets.values())
    for (const name of Object.keys(variables)) owners.set(name, [...(owners.get(name) ?? []), reference]);
  const faults = asked.flatMap(({ definition, index, source }): Fault[] => {
    if (!isSet(definition)) return [];
    return Object.keys(definition.variables).flatMap((name): Fault[] => {
      const other = owners.get(name)?.find((one) => one !== definition.reference);
      if (other === undefined) return [];
      const message = `variables '${other}' have '${name}' already`;
      return [
        { document: index, path: ["variables", name], message, ...(source === undefined ? {} : { source }) },
      ];
    });
  });
  if (faults.length > 0) throw refuseFaults(faults);
  const bytes = JSON.stringify([...sets.values()].map(({ variables }) => variables)).length;
  const [first] = asked;
  if (bytes <= MAX_MESH_VARIABLES_BYTES || first === undefined) return;
  const message = `all variables of the mesh would take ${String(bytes)} bytes, ${String(MAX_MESH_VARIABLES_BYTES)} at most`;
  throw refuseFaults([{ document: first.index, path: ["variables"], message }]);
}

const isSet = (definition: Definition | ParsedDocument["definition"]): definition is VariablesDefinition =>
  definition.kind === "Variables";
