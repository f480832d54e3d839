import type { MeshClient } from "@jetmesh/client";

/** Definitions that tests share: small, and made of the real thing. */
export type Document = Readonly<Record<string, unknown>>;

const document = (kind: string, reference: string, rest: Document = {}): Document => ({
  apiVersion: "jetmesh/v1",
  kind,
  reference,
  name: reference,
  ...rest,
});

export const stateDocument = (reference: string): Document => document("State", reference);
export const planDocument = (reference: string, steps: readonly Document[], rest: Document = {}): Document =>
  document("Plan", reference, { steps, ...rest });
export const userDocument = (reference: string, level: string): Document =>
  document("User", reference, { level });

/**
 * A template, `loop` by default: `create` (— → moving → resting) and `turn` (resting → moving → resting, error broken) by
 * the given steps, and `remove` (resting → moving → —). Everybody may use it.
 */
export function loopDocuments(
  steps: readonly Document[],
  turn: Document = {},
  template = "loop",
): Document[] {
  const open = { accessLevel: "user", transit: "moving" };
  return [
    stateDocument("moving"),
    stateDocument("resting"),
    stateDocument("broken"),
    planDocument(`${template}_turn`, steps),
    document("Template", template, {
      accessLevel: "user",
      actions: [
        { ...open, reference: "create", name: "Create", to: "resting" },
        {
          ...open,
          reference: "turn",
          name: "Turn",
          from: "resting",
          to: "resting",
          error: "broken",
          plan: `${template}_turn`,
          ...turn,
        },
        { ...open, reference: "mend", name: "Mend", from: "broken", to: "resting" },
        { ...open, reference: "remove", name: "Remove", from: "resting" },
      ],
    }),
  ];
}

export async function applyDocuments(client: MeshClient, documents: readonly Document[]): Promise<void> {
  await client.request("import", { documents: documents.map((one) => ({ document: one })) });
}
