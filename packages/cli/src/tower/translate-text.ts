/** What their expressions name, by what ours name it. While an action runs both call its transit state the jet's state. */
const NAMES: Readonly<Record<string, string>> = {
  "tower.jet.reference": "jet.reference",
  "tower.jet.name": "jet.name",
  "tower.jet.state": "jet.state",
  "tower.jet_template.reference": "template.reference",
  "tower.jet_template.name": "template.name",
};
const VARIABLE = /^[A-Za-z_][A-Za-z0-9_]*$/;

export interface Translated {
  readonly text: string;
  readonly problems: readonly string[];
}

/**
 * A text with Jinja in it as a Liquid one. A lone variable means the same in both, but for one that is not set, which
 * is the text None there and an error here; whatever else stands in braces is left as it is, and told.
 */
export function translateText(text: string): Translated {
  const problems: string[] = [];
  const translated = text.replace(/\{\{([^]*?)\}\}/g, (whole, inner: string) => {
    const name = inner.replace(/^-|-$/g, "").trim();
    const ours = NAMES[name] ?? (VARIABLE.test(name) ? name : undefined);
    if (ours === undefined)
      problems.push(`'${whole}' is an expression of Jinja that Liquid may read otherwise`);
    return ours === undefined ? whole : whole.replace(name, () => ours);
  });
  for (const [tag] of text.matchAll(/\{%[^]*?%\}|\{#[^]*?#\}/g))
    problems.push(`'${tag}' is a tag of Jinja that Liquid may read otherwise`);
  for (const [, secret = ""] of text.matchAll(/#!cxtower\.secret\.([^!]*)!#/g))
    problems.push(
      `the secret '${secret}' is not known here: give it to the runner by a file or its environment`,
    );
  return { text: translated, problems };
}
