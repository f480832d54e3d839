export { type AccessFacts, decideAccess, type JetFacts, mayReadAction } from "./decide.ts";
