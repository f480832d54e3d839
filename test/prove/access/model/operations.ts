/** What the proof asks of a mesh, in names of its own: replayed in another namespace it is the same case. */
export type Level = "user" | "manager" | "root";

export interface ActionDocument {
  readonly reference: string;
  readonly level: Level;
  readonly plan?: string;
}
export interface TemplateDocument {
  readonly reference: string;
  readonly level: Level;
  readonly users: readonly string[];
  readonly managers: readonly string[];
  readonly actions: readonly ActionDocument[];
}
export interface JetDocument {
  readonly reference: string;
  readonly template: string;
  readonly users: readonly string[];
  readonly managers: readonly string[];
}

export type Readable =
  | "jet"
  | "jets"
  | "actions of the jet"
  | "template"
  | "templates"
  | "plan"
  | "plans"
  | "schedule"
  | "schedules"
  | "user"
  | "users"
  | "state"
  | "runs of the jet"
  | "run"
  | "output of the run"
  | "dead letters"
  | "secrets of the jet"
  | "secrets of the template"
  | "secrets of the mesh"
  | "way of the jet"
  | "export";

type Does =
  | { readonly kind: "set user"; readonly user: string; readonly level: Level }
  | { readonly kind: "set plan"; readonly plan: string; readonly level: Level }
  | { readonly kind: "set state" }
  | { readonly kind: "apply"; readonly template?: TemplateDocument; readonly jet?: JetDocument }
  | { readonly kind: "create jet"; readonly jet: JetDocument }
  | {
      readonly kind: "trigger";
      readonly jet: string;
      readonly action: string;
      readonly via: "api" | "stream";
    }
  | { readonly kind: "update jet"; readonly jet: string; readonly users: readonly string[] }
  | { readonly kind: "delete jet"; readonly jet: string }
  | {
      readonly kind: "delete";
      readonly what: "template" | "plan" | "user" | "schedule";
      readonly name: string;
    }
  /** Of the action of a jet, or it makes an action of no jet. */
  | {
      readonly kind: "set schedule";
      readonly schedule: string;
      readonly level: Level;
      readonly does?: { readonly jet: string; readonly action: string };
    }
  | { readonly kind: "pause schedule"; readonly schedule: string; readonly isPaused: boolean }
  /** To the state where jets rest. */
  | { readonly kind: "bring"; readonly jet: string }
  /** `of` is a name, or the number of the operation that made a run. */
  | { readonly kind: "read"; readonly what: Readable; readonly of: string };

/** Its number names the run that it makes; it stays the same when others are left out. */
export type Operation = Does & { readonly id: number; readonly by: string };

/** What the caller is answered: a code, or everything that is shown. */
export type Outcome =
  | { readonly ok: true; readonly shows: unknown }
  | { readonly ok: false; readonly code: string };

/** By their names: one without `from`, one without `to`, the rest turn in the state where jets rest. */
export const CREATE = "create";
export const REMOVE = "remove";
export const RESTING = "resting";
export const ROOT = "root";
