import { grouped } from "./markdown.ts";
import type { EngineReport, Report } from "./summary.ts";

/**
 * Bars of the rate at each load, one panel for each durability. By hand, so that it needs nothing and says exactly
 * this; it brings its own background in both schemes, so that it reads wherever it is put.
 */
const WIDTH = 860;
const LEFT = 24;
const PANEL_HEIGHT = 190;
const TITLE_HEIGHT = 54;
const BAR_GAP = 3;
const LABEL_SPACE = 16;

const STYLE = `<style>
    .back { fill: #ffffff; stroke: #d0d7de }
    .text { fill: #1f2328; font: 12px system-ui, sans-serif }
    .title { font-weight: 600; font-size: 14px }
    .small { font-size: 10px }
    .faint { fill: #59636e }
    .line { stroke: #d0d7de }
    .c0 { fill: #0969da } .c1 { fill: #bc4c00 } .c2 { fill: #1a7f37 }
    .c3 { fill: #8250df } .c4 { fill: #9a6700 } .c5 { fill: #57606a }
    @media (prefers-color-scheme: dark) {
      .back { fill: #0d1117; stroke: #3d444d }
      .text { fill: #e6edf3 } .faint { fill: #9198a1 } .line { stroke: #3d444d }
      .c0 { fill: #4493f8 } .c1 { fill: #f0883e } .c2 { fill: #3fb950 }
      .c3 { fill: #ab7df8 } .c4 { fill: #d29922 } .c5 { fill: #8b949e }
    }
  </style>`;

const PANELS = [
  ["synced", "Synced: on the disk before the caller knows"],
  ["lazy", "Lazily synced: a power loss may take the last moments"],
] as const;

export function svgOf({ engines, machine, run }: Report): string {
  const panels = PANELS.map(([sync, title]) => ({
    title,
    own: engines.filter((engine) => engine.sync === sync && engine.rows.length > 0),
  })).filter(({ own }) => own.length > 0);
  const height = 30 + panels.length * (TITLE_HEIGHT + PANEL_HEIGHT + 34) + 6;
  const parts = panels.map(({ title, own }, at) =>
    panel(title, own, 18 + at * (TITLE_HEIGHT + PANEL_HEIGHT + 34)),
  );
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img">
  <title>Jobs a second by jobs in flight</title>
  ${STYLE}
  <rect class="back" x="0.5" y="0.5" width="${WIDTH - 1}" height="${height - 1}" rx="8"/>
${parts.join("\n")}
  ${text(LEFT, height - 12, `${machine.cores} cores for server, workers and callers; ${run.rounds === 1 ? "one round" : `median of ${run.rounds} rounds`}; ${machine.at.slice(0, 10)}`, "small faint")}
</svg>
`;
}

function panel(title: string, engines: readonly EngineReport[], top: number): string {
  const levels = [...new Set(engines.flatMap(({ rows }) => rows.map(({ inFlight }) => inFlight)))];
  const most = Math.max(1, ...engines.flatMap(({ rows }) => rows.map(({ rate }) => rate)));
  const groupWidth = (WIDTH - 2 * LEFT) / Math.max(1, levels.length);
  const barWidth = Math.min(44, (groupWidth - 24) / engines.length - BAR_GAP);
  const base = top + TITLE_HEIGHT + PANEL_HEIGHT;

  const legend = engines.map(({ name }, at) => {
    const x = LEFT + at * ((WIDTH - 2 * LEFT) / Math.max(4, engines.length));
    return `  <rect class="c${at % 6}" x="${x}" y="${top + 20}" width="10" height="10" rx="2"/>${text(x + 15, top + 29, name)}`;
  });
  const bars = levels.flatMap((level, group) => {
    const width = engines.length * (barWidth + BAR_GAP) - BAR_GAP;
    const left = LEFT + group * groupWidth + (groupWidth - width) / 2;
    const own = engines.flatMap(({ name, rows }, at) => {
      const row = rows.find(({ inFlight }) => inFlight === level);
      if (row === undefined) return [];
      const tall = Math.max(1, (row.rate / most) * (PANEL_HEIGHT - LABEL_SPACE));
      const x = left + at * (barWidth + BAR_GAP);
      return [
        `  <rect class="c${at % 6}" x="${fixed(x)}" y="${fixed(base - tall)}" width="${fixed(barWidth)}" height="${fixed(tall)}"><title>${escaped(name)}: ${grouped(row.rate)}/s</title></rect>`,
        `  ${text(x + barWidth / 2, base - tall - 4, short(row.rate), "small", "middle")}`,
      ];
    });
    return [
      ...own,
      `  ${text(LEFT + (group + 0.5) * groupWidth, base + 17, `${level} in flight`, "faint", "middle")}`,
    ];
  });
  return [
    `  ${text(LEFT, top + 8, title, "title")}`,
    ...legend,
    ...bars,
    `  <line class="line" x1="${LEFT}" x2="${WIDTH - LEFT}" y1="${base + 0.5}" y2="${base + 0.5}"/>`,
  ].join("\n");
}

const fixed = (value: number): string => value.toFixed(1);
const short = (rate: number): string => (rate >= 10_000 ? `${(rate / 1_000).toFixed(1)}k` : grouped(rate));
const escaped = (words: string): string =>
  words.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");

function text(x: number, y: number, words: string, classes = "", anchor = "start"): string {
  return `<text class="text ${classes}" x="${fixed(x)}" y="${fixed(y)}" text-anchor="${anchor}">${escaped(words)}</text>`;
}
