import type { Names } from "@jetmesh/protocol";

/** What to type next: three lines of the plain NATS command, three of ours; they work as they are. */
export function nextLines(given: {
  readonly url: string;
  readonly user: string;
  readonly names: Names;
  readonly credsFile: string | undefined;
  readonly jet: string | undefined;
  /** The commands of this checkout find the mesh by themselves. */
  readonly isDefaultStore: boolean;
}): string[] {
  const { url, user, names, credsFile, jet } = given;
  const nats = `nats --server ${url}${credsFile === undefined ? "" : ` --creds ${quote(credsFile)}`}`;
  const jm = given.isDefaultStore ? "./jm" : `./jm --url ${url}`;
  if (jet === undefined) {
    const { jets } = names.buckets;
    return [
      `${nats} micro ls`,
      `${nats} stream ls`,
      `${nats} kv ls ${jets}`,
      `${jm} doctor`,
      `${jm} jet list`,
      `${jm} action list`,
    ];
  }
  return [
    `${nats} micro ls`,
    `${nats} kv get ${names.buckets.jets} ${jet}`,
    `${nats} pub ${names.trigger.of(user, jet, "restart")} '{}'`,
    `${jm} jet list`,
    `${jm} jet trigger ${jet} restart --wait`,
    `${jm} watch ${jet}`,
  ];
}

const quote = (text: string): string =>
  /^[\w./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
