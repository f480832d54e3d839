// node create.mjs DIR [PORT]: makes the site's directory and page, and chooses its port. Again changes nothing.
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { freePort, readJson, run, siteAt, writeJson } from "./site.mjs";

run(async () => {
  const [dir, port = "0"] = process.argv.slice(2);
  const site = siteAt(dir);
  const name = process.env.JM_JET ?? "site";
  mkdirSync(site.path, { recursive: true });
  if (!existsSync(site.page))
    writeFileSync(site.page, `<!doctype html><title>${name}</title><h1>${name}</h1>\n`);

  const before = readJson(site.settings);
  if (before !== undefined) return `${site.path} is there already, with port ${before.port}`;
  const isFixed = Number(port) !== 0;
  const settings = { name, port: isFixed ? Number(port) : await freePort(), isFixed };
  writeJson(site.settings, settings);
  return `made ${site.path}, with port ${settings.port}`;
});
