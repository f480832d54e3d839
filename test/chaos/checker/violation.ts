/** What can be wrong after a storm. */
export const COLUMNS = [
  "doubleMains",
  "repeatedSteps",
  "openActions",
  "unsettledJets",
  "lost",
  "resurrected",
  "limits",
  "placement",
  "secrets",
  "others",
] as const;
export type Column = (typeof COLUMNS)[number];

export interface Violation {
  readonly column: Column;
  readonly says: string;
  /** An action's id, a trigger's key or a jet's reference: whose history to print. */
  readonly about: string;
}
