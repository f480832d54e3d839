import type { FileWrite } from "@jetmesh/protocol";

/** A file step, rendered. */
export interface WantedFile {
  readonly path: string;
  /** Undefined: there is to be none. */
  readonly content: string | undefined;
  readonly mode: string | undefined;
  readonly exists: FileWrite["exists"];
  /** What the names of the step's unfinished files have in common, and of this try's alone. */
  readonly unfinished: { readonly ofStep: string; readonly ofTry: string };
}

/** What became of the file; the first word that is printed. */
export const CHANGES = ["written", "removed"] as const;
export type FileEnd = "written" | "removed" | "unchanged" | "kept";
