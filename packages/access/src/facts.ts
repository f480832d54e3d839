import type { AccessLevel, ScheduleDefinition, TemplateDefinition } from "@jetmesh/protocol";

/** What decisions rest on; whoever asks keeps it up to date. */
export interface AccessFacts {
  /** The user's level; undefined for a user that the mesh does not know. */
  levelOf(user: string): AccessLevel | undefined;
  template(reference: string): TemplateDefinition | undefined;
  /** Who made the template; undefined where that is not known. */
  creatorOf(template: string): string | undefined;
  jet(reference: string): JetFacts | undefined;
  /** Whether the user is among the users of any jet of the template; the same for managers. */
  isUserOfAnyJet(template: string, user: string): boolean;
  isManagerOfAnyJet(template: string, user: string): boolean;
  planLevel(reference: string): AccessLevel | undefined;
  /** The level that it takes to bring a jet there; undefined where there is no such state. */
  stateLevel(reference: string): AccessLevel | undefined;
  isUser(reference: string): boolean;
  isVariables(reference: string): boolean;
  isLimit(reference: string): boolean;
  schedule(reference: string): ScheduleFacts | undefined;
}

export interface ScheduleFacts extends Pick<ScheduleDefinition, "accessLevel" | "trigger" | "create"> {
  /** With whose rights it fires. */
  readonly owner: string | undefined;
}

export interface JetFacts {
  readonly template: string;
  readonly incarnation: number;
  readonly users: readonly string[];
  readonly managers: readonly string[];
}
