import type { JetRecord, SvcRequest } from "@jetmesh/protocol";
import { RefusedError } from "@jetmesh/service-kit";
import { withCaller } from "./apply-jet.ts";
import { changeJet, type JetChanged } from "./change-jet.ts";
import type { Deps } from "./deps.ts";

/** Sets what is given; the same again changes nothing. Who is among the managers stays there, as with an apply. */
export async function updateJet(
  deps: Deps,
  { user, request }: SvcRequest<"state-store.jet-update">,
): Promise<JetRecord> {
  const { reference, name, variables, users, managers, pool } = request;
  const changed = await changeJet(deps, reference, {
    point: "jet.update",
    judge: (is) => {
      const kept = managers === undefined ? undefined : withCaller(user, managers, is);
      return { type: "update", change: { name, variables, users, managers: kept, pool } };
    },
    movesOn: false,
  });
  return writtenOrRefused(changed);
}

/** Nothing is run: what the jet stands for is somebody else's by then. Its slot and its holds are freed. */
export async function deleteJet(
  deps: Deps,
  { request: { reference, force } }: SvcRequest<"state-store.jet-delete">,
): Promise<{ readonly reference: string }> {
  writtenOrRefused(
    await changeJet(deps, reference, {
      point: "jet.delete",
      judge: () => ({ type: "delete", force }),
      movesOn: false,
    }),
  );
  return { reference };
}

function writtenOrRefused(changed: JetChanged): JetRecord {
  if (changed.kind !== "refused") return changed.jet;
  throw new RefusedError(changed.refusal.code, changed.refusal.message);
}
