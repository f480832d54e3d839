import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Document } from "@jetmesh/testkit";
import { parseAllDocuments } from "yaml";

/** The documents of a file below `examples/`. */
export const exampleDocuments = (file: string): Document[] =>
  parseAllDocuments(readFileSync(join(import.meta.dirname, "../../examples", file), "utf8")).map(
    (one) => one.toJS() as Document,
  );
