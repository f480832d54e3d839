export { decideAccess } from "./decide.ts";
export type { AccessFacts, JetFacts } from "./facts.ts";
export { type Sight, seenAction, seenTemplate, withUnseen } from "./seen-template.ts";
