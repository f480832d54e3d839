// node remove.mjs DIR: removes the site's directory. Nothing to do is fine.
import { existsSync, rmSync } from "node:fs";
import { run, siteAt } from "./site.mjs";

run(async () => {
  const site = siteAt(process.argv[2]);
  if (!existsSync(site.path)) return "it is gone already";
  // A wrong `dir` must not cost anybody their files: only what create made is removed.
  if (!existsSync(site.settings)) throw new Error(`${site.path} is no site: it has no site.json`);
  rmSync(site.path, { recursive: true });
  return `removed ${site.path}`;
});
