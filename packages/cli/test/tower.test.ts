import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { type Conversion, convertTower } from "../src/tower/convert-tower.ts";
import { readDocuments } from "../src/yaml-documents.ts";

const convert = (text: string): Conversion =>
  convertTower(readDocuments([{ source: "a.yaml", text }]).documents);
const file = readFileSync(join(import.meta.dirname, "tower/shop.yaml"), "utf8");
const short = ({ reports }: Conversion): string[] =>
  reports.map(({ level, line, path }) => `${level} ${String(line)} ${path}`);
const one = (kind: string, reference: string, { documents }: Conversion): Record<string, unknown> =>
  documents.find((document) => document["kind"] === kind && document["reference"] === reference) ?? {};
const records = (...lines: string[]): string =>
  ["cetmix_tower_yaml_version: 1", "records:", ...lines.map((line) => `  ${line}`)].join("\n");
const plan = (line: string, command: string): string =>
  records(
    "- cetmix_tower_model: plan",
    "  reference: work",
    "  line_ids:",
    `    - ${line}`,
    "      command_id:",
    "        reference: it",
    ...command.split("\n").map((each) => `        ${each}`),
  );

describe("a file of Cetmix Tower", () => {
  it("becomes states, plans and templates, in which a jet does what it did", () => {
    const conversion = convert(file);
    expect(conversion.documents.map(({ kind, reference }) => `${String(kind)} ${String(reference)}`)).toEqual(
      [
        "State archived",
        "State preparing",
        "State stopped",
        "State stopping",
        "State destroying",
        "State running",
        "Plan shop_prepare",
        "Template shop",
      ],
    );
    expect(one("State", "archived", conversion)).toMatchObject({
      sequence: 40,
      accessLevel: "manager",
      color: "yellow",
    });
    expect(one("State", "running", conversion)).toMatchObject({ name: "Running", color: "green" });
    expect(one("Plan", "shop_prepare", conversion)).toMatchObject({
      accessLevel: "manager",
      steps: [
        { reference: "shop_prepare_1", name: "Pull the image", shell: 'docker pull "{{ shop_image }}"' },
        {
          reference: "shop_prepare_2",
          shell: 'docker create --name "{{ jet.reference }}" "{{ shop_image }}"\n',
          cwd: "/srv/{{ jet.reference }}",
        },
      ],
    });
    const { actions, ...template } = one("Template", "shop", conversion);
    expect(template).toMatchObject({
      note: "Sells things",
      limit: 3,
      variables: { shop_image: "shop:1" },
      requires: [{ template: "database", state: "running", actions: ["shop_create"], otherwise: "bring" }],
    });
    expect(actions).toEqual([
      {
        reference: "shop_create",
        name: "Prepare",
        priority: 1,
        accessLevel: "user",
        transit: "preparing",
        to: "stopped",
        plan: "shop_prepare",
      },
      {
        reference: "shop_archive",
        name: "Archive",
        from: "stopped",
        transit: "stopping",
        to: "archived",
        error: "stopped",
      },
      { reference: "shop_destroy", name: "Destroy", from: "archived", transit: "destroying" },
    ]);
  });

  it("is told what has no counterpart, with its line, and nothing of it is lost here", () => {
    expect(short(convert(file)).toSorted()).toEqual(
      [
        "noted 2 manifest",
        "noted 16 records[1].tag_ids",
        "noted 41 records[3].limit_per_server",
        "noted 42 records[3].show_in_create_wizard",
        "noted 46 records[3].template_requires_ids[0].template_required_id",
      ].toSorted(),
    );
  });
});

describe("it is told as lost", () => {
  it.each([
    ["a condition of a line", plan("condition: x > 1", "code: ls"), "line_ids[0].condition"],
    ["sudo", plan("use_sudo: true", "code: ls"), "line_ids[0].use_sudo"],
    [
      "a path by an exit code",
      plan('action_ids: [{condition: ">", value_char: "3", action: n}]', "code: ls"),
      "line_ids[0].action_ids[0]",
    ],
    [
      "a variable that a step sets",
      plan(
        'action_ids: [{condition: "==", value_char: "0", action: n, variable_value_ids: [{reference: a}]}]',
        "code: ls",
      ),
      "line_ids[0].action_ids[0].variable_value_ids",
    ],
    [
      "an expression of Jinja",
      plan("sequence: 1", 'code: "echo {{ a | upper }}"'),
      "line_ids[0].command_id.code",
    ],
    ["a tag of Jinja", plan("sequence: 1", 'code: "{% if a %}x{% endif %}"'), "line_ids[0].command_id.code"],
    ["a secret", plan("sequence: 1", 'code: "echo #!cxtower.secret.token!#"'), "line_ids[0].command_id.code"],
  ])("%s", (_what, text, path) => {
    const conversion = convert(text);
    const lost = conversion.reports.filter(({ level }) => level === "lost");
    expect(lost.map((report) => report.path)).toContain(`records[0].${path}`);
    expect(conversion.reports.filter(({ level }) => level === "fault")).toEqual([]);
    expect(one("Plan", "work", conversion)["steps"]).toHaveLength(1);
  });

  it("a command that runs no shell: of a plan with nothing else its actions lose the plan", () => {
    const conversion = convert(
      `${plan("sequence: 1", "action: python_code\ncode: pass")}\n${[
        "  - cetmix_tower_model: jet_template",
        "    reference: thing",
        "    action_ids:",
        "      - { reference: make, state_transit_id: preparing, state_to_id: draft, plan_id: work }",
      ].join("\n")}`,
    );
    expect(short(conversion)).toEqual([
      "lost 9 records[0].line_ids[0].command_id.action",
      "lost 14 records[1].action_ids[0].plan_id",
    ]);
    expect(one("Plan", "work", conversion)).toEqual({});
    expect(one("Template", "thing", conversion)["actions"]).toEqual([
      { reference: "make", name: "make", transit: "preparing", to: "draft" },
    ]);
  });

  it("a record of a kind that is not here, and a command that is nowhere", () => {
    expect(short(convert(records("- { cetmix_tower_model: server, reference: one }")))).toEqual([
      "lost 3 records[0]",
    ]);
    const elsewhere = records(
      "- cetmix_tower_model: plan",
      "  reference: work",
      "  line_ids: [{ command_id: far }]",
    );
    expect(short(convert(elsewhere))).toEqual(["lost 5 records[0].line_ids[0].command_id"]);
  });
});

describe("it is a fault", () => {
  it.each([
    ["another version", "cetmix_tower_yaml_version: 2\nrecords: [{}]", "cetmix_tower_yaml_version"],
    ["no records", "cetmix_tower_yaml_version: 1\nrecords: []", "records"],
    [
      "a key of the file that nobody knows",
      `${records("- { cetmix_tower_model: jet_state, reference: a }")}\nmore: 1`,
      "more",
    ],
    [
      "a key of a record that nobody knows",
      records("- { cetmix_tower_model: jet_state, reference: a, mood: 1 }"),
      "records[0].mood",
    ],
    [
      "a record without a reference",
      records("- { cetmix_tower_model: jet_state, name: A }"),
      "records[0].reference",
    ],
    [
      "a level that is none",
      records("- { cetmix_tower_model: jet_state, reference: a, access_level: boss }"),
      "records[0].access_level",
    ],
    [
      "a reference that cannot be ours",
      records("- { cetmix_tower_model: jet_state, reference: _a }"),
      "records[0]",
    ],
    [
      "an action without a transit state",
      records("- { cetmix_tower_model: jet_template, reference: a, action_ids: [{ reference: b }] }"),
      "records[0].action_ids[0]",
    ],
    [
      "one reference for two things",
      records(
        "- { cetmix_tower_model: jet_state, reference: a }",
        "- { cetmix_tower_model: jet_state, reference: a, color: 1 }",
      ),
      "records[1]",
    ],
  ])("%s", (_what, text, path) => {
    const faults = convert(text).reports.filter(({ level }) => level === "fault");
    expect(faults.map((fault) => fault.path)).toContain(path);
  });
});
