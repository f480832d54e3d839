export { decideAccess } from "./decide.ts";
export type { AccessFacts, JetFacts, ScheduleFacts } from "./facts.ts";
export { type Sight, seenAction, seenTemplate, withUnseen } from "./seen-template.ts";
