import { type Render, TemplateError } from "@jetmesh/flight-plan";
import type { SshTarget as WrittenTarget } from "@jetmesh/protocol";
import type { SshTarget } from "./connection.ts";

/** The machine that a step names, and as whom its script runs there; `where` is the step's key. Throws a TemplateError. */
export function renderTarget(
  where: string,
  written: WrittenTarget,
  render: Render,
): { readonly target: SshTarget; readonly sudo: string | undefined } {
  const text = (name: string, template: string): string => {
    const rendered = render(`${where}.${name}`, template);
    if (rendered.includes("\0")) throw new TemplateError(`${where}.${name}: has a zero byte`);
    return rendered;
  };
  const optional = (name: string, template: string | undefined): string | undefined =>
    template === undefined ? undefined : text(name, template);
  return {
    target: {
      host: text("host", written.host),
      port: portOf(where, text("port", String(written.port))),
      user: text("user", written.user),
      key: optional("key", written.key),
      hostKey: optional("hostKey", written.hostKey),
      knownHosts: optional("knownHosts", written.knownHosts),
    },
    sudo: written.sudo === true ? "root" : written.sudo === false ? undefined : text("sudo", written.sudo),
  };
}

function portOf(where: string, text: string): number {
  const port = Number(text);
  if (Number.isInteger(port) && port >= 1 && port <= 65_535) return port;
  throw new TemplateError(`${where}.port: '${text}' is no port`);
}
