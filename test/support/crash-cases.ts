import type { JournalEntry } from "@jetmesh/protocol";

/** A crash before and one after each of the first so many writes at each point. */
export const crashesAt = (counts: Readonly<Record<string, number>>): string[] =>
  (["before", "after"] as const).flatMap((side) =>
    Object.entries(counts).flatMap(([point, count]) =>
      Array.from({ length: count }, (_, n) => `${point}/${side}=crash@${String(n + 1)}`),
    ),
  );

/** What its entry says of a step, held against how often the world saw it run: again only where its runner was lost in it. */
export function timesWrong(
  { reference, outcome, interruptions = 0 }: JournalEntry,
  times: number,
  isIdempotent: boolean,
): string[] {
  const most = isIdempotent ? 1 + interruptions : 1;
  return [
    ...(times > most ? [`${reference} ran ${String(times)} times`] : []),
    ...(outcome === "SUCCESS" && times < 1 ? [`${reference} never ran`] : []),
  ];
}
