// node check.mjs DIR: asks the site's server for its page.
import { ask, findServer, run, siteAt } from "./site.mjs";

run(async () => {
  const site = siteAt(process.argv[2]);
  const server = await findServer(site);
  if (server === undefined) throw new Error(`no server of ${site.path} answers`);
  const page = await ask(server.port, "/");
  if (page?.status !== 200)
    throw new Error(`http://127.0.0.1:${server.port}/ answers ${page?.status ?? "nothing"}`);
  return `http://127.0.0.1:${server.port}/ is up`;
});
