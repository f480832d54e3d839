import {
  createRender,
  type Render,
  type Secrets,
  type TemplateValues,
  withSecrets,
} from "@jetmesh/flight-plan";

/** How the strings of a step are rendered. */
export interface Renders {
  readonly render: Render;
  /** The same where secrets may stand: what it gives is in no list of processes, and is written down nowhere. */
  readonly renderSecret: Render;
}

export function createRenders(values: TemplateValues, secrets: Secrets): Renders {
  const render = createRender(values);
  const isPlain = Object.keys(secrets).length === 0;
  return { render, renderSecret: isPlain ? render : createRender(withSecrets(values, secrets)) };
}

export const renderEnv = (
  env: Readonly<Record<string, string>>,
  { renderSecret }: Renders,
): Record<string, string> =>
  Object.fromEntries(
    Object.entries(env).map(([name, value]) => [name, renderSecret(`env.${name}`, value)] as const),
  );
