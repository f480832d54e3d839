import type { Level } from "./operations.ts";

export const ROOT_NAME = "root";

export interface ActionIs {
  readonly reference: string;
  readonly level: Level;
  readonly plan?: string;
}
export interface TemplateIs {
  readonly reference: string;
  readonly level: Level;
  readonly users: readonly string[];
  readonly managers: readonly string[];
  readonly actions: readonly ActionIs[];
}
export interface JetIs {
  readonly reference: string;
  readonly template: string;
  readonly users: readonly string[];
  readonly managers: readonly string[];
  readonly incarnation: number;
  readonly isResting: boolean;
  readonly last?: string;
}
export interface RunIs {
  readonly by: string;
  readonly jet: string;
  readonly incarnation: number;
  readonly action: string;
  /** The level of the action and the plan as the run was made. */
  readonly level: Level;
  readonly plan?: string;
}

export interface ScheduleIs {
  readonly reference: string;
  readonly level: Level;
  readonly owner: string;
  readonly isPaused: boolean;
  readonly does?: { readonly jet: string; readonly action: string };
}

/** A rule that the model has wrong on purpose: the proof must find it. */
export const PLANTS = ["not of any jet", "users read plans", "managers read schedules"] as const;
export type Plant = (typeof PLANTS)[number];

/** What the model believes of a mesh. */
export interface World {
  readonly users: Map<string, Level>;
  readonly plans: Map<string, Level>;
  readonly templates: Map<string, TemplateIs>;
  /** Who made each template. */
  readonly makers: Map<string, string>;
  readonly jets: Map<string, JetIs>;
  readonly schedules: Map<string, ScheduleIs>;
  readonly runs: Map<number, RunIs>;
  incarnations: number;
  readonly planted: Plant | undefined;
}

export const newWorld = (planted?: Plant): World => ({
  users: new Map(),
  plans: new Map(),
  templates: new Map(),
  makers: new Map(),
  jets: new Map(),
  schedules: new Map(),
  runs: new Map(),
  incarnations: 0,
  planted,
});
