import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import type { z } from "zod";
import * as protocol from "../src/index.ts";

/**
 * Records and messages of version 1 as they lie in buckets and streams: every later version must still read them.
 * A fixture is never changed to make this pass; one is added for what is new.
 */
const SCHEMAS = {
  ActionRecord: protocol.ActionRecord,
  StepChunk: protocol.StepChunk,
  JetRecord: protocol.JetRecord,
  StoredDefinition: protocol.StoredDefinition,
  JetDefinition: protocol.JetDefinition,
  TriggerBody: protocol.TriggerBody,
  TargetBody: protocol.TargetBody,
  ResumeBody: protocol.ResumeBody,
  HistoryEntry: protocol.HistoryEntry,
  DeadLetter: protocol.DeadLetter,
  NumberedLetter: protocol.NumberedLetter,
  LetterSummary: protocol.LetterSummary,
  ReplayReply: protocol.ReplayReply,
  Advisory: protocol.Advisory,
  SuspectMark: protocol.SuspectMark,
  RunnerPresence: protocol.RunnerPresence,
  Lease: protocol.Lease,
  SlotsRecord: protocol.SlotsRecord,
  KeySlots: protocol.KeySlots,
  LimitLook: protocol.LimitLook,
  ScheduleRecord: protocol.ScheduleRecord,
  ScheduleHint: protocol.ScheduleHint,
  MeshRecord: protocol.MeshRecord,
  ActionOffer: protocol.ActionOffer,
  OfferReply: protocol.OfferReply,
  PoolReply: protocol.PoolReply,
  EndedMessage: protocol.EndedMessage,
  ToldMessage: protocol.ToldMessage,
  TriggerReply: protocol.TriggerReply,
  TargetReply: protocol.TargetReply,
  PathReply: protocol.PathReply,
  ImportReply: protocol.ImportReply,
  LogsReply: protocol.LogsReply,
  ErrorBody: protocol.ErrorBody,
  Fault: protocol.Fault,
  AccessRequest: protocol.AccessRequest,
  AccessReply: protocol.AccessReply,
  CanceledTrigger: protocol.CanceledTrigger,
  ChangedAction: protocol.ChangedAction,
  CreatedAction: protocol.CreatedAction,
  KindRecord: protocol.KindRecord,
  IdentityRecord: protocol.IdentityRecord,
  ApprovalAnswer: protocol.ApprovalAnswer,
  ApprovedStep: protocol.ApprovedStep,
  JetLook: protocol.JetLook,
  JetsOf: protocol.JetsOf,
  SignaledAction: protocol.SignaledAction,
  HolderQuestion: protocol.HolderQuestion,
  HolderAnswer: protocol.HolderAnswer,
  Health: protocol.Health,
  Sealed: protocol.Sealed,
  SealedSecret: protocol.SealedSecret,
  SecretBox: protocol.SecretBox,
  SecretsRecord: protocol.SecretsRecord,
  SecretsKey: protocol.SecretsKey,
  SecretView: protocol.SecretView,
  RotatedKey: protocol.RotatedKey,
  CurrentKey: protocol.CurrentKey,
  ResealRequest: protocol.ResealRequest,
  ResealReply: protocol.ResealReply,
} as const satisfies Record<string, z.ZodType>;
const TABLES = { API_REQUESTS: protocol.API_REQUESTS, SVC_REQUESTS: protocol.SVC_REQUESTS } as const;

/** Read by others within one of the above. */
const WITHIN = [
  ...["Repeat", "Note", "Signal", "WorkflowStep", "StepChild", "OlderSteps"],
  ...[
    "Undo",
    "ActionCall",
    "Approve",
    "ExitRule",
    "JetCall",
    "PlanCall",
    "Wait",
    "WaitUntil",
    "SshCommand",
    "SshTarget",
    "FileWrite",
    "VariablesDefinition",
  ],
  ...[
    "AcceptedTrigger",
    "AccessAnswer",
    "AccessCheck",
    "AccessLevel",
    "ActionCommand",
    "ActionCreateRequest",
    "ActionDefinition",
    "ActionDelays",
    "ActionError",
  ],
  ...[
    "ActionId",
    "ActionState",
    "Claim",
    "Color",
    "Definition",
    "Delays",
    "Duration",
    "HttpRequest",
    "ImportRequest",
  ],
  ...[
    "Instant",
    "JetActionDefinition",
    "JetCreateRequest",
    "JetDeleteRequest",
    "JetPathRequest",
    "JetTargetRequest",
    "JetUpdateRequest",
    "PathChange",
    "Use",
    "JetTriggerRequest",
    "JournalEntry",
    "JsonObject",
    "Label",
    "NamedLane",
    "LogChunk",
  ],
  ...[
    "ActionCut",
    "OnBusy",
    "OpenAction",
    "PausedAction",
    "PlanDefinition",
    "HeldBy",
    "Hold",
    "Reference",
    "RepeatPolicy",
    "Requirement",
    "RetryPolicy",
    "RunnerId",
  ],
  ...[
    "Shell",
    "StateDefinition",
    "Step",
    "Target",
    "TemplateDefinition",
    "Timers",
    "Transition",
    "TriggerSource",
  ],
  ...["UserDefinition", "Variables", "Version"],
  ...["CurveKey", "SecretDeleteRequest", "SecretListRequest", "SecretSetRequest"],
  ...[
    "ActionSlots",
    "KeyCounts",
    "LimitDefinition",
    "Rate",
    "SlotCounts",
    "SlotHolder",
    "SlotKey",
    "SlotPlace",
  ],
  ...["ScheduleDefinition", "ScheduledTrigger", "ScheduledCreate", "Firing", "Fired"],
];

const FOLDER = new URL("./golden/", import.meta.url);
const read = (name: string): unknown => JSON.parse(readFileSync(new URL(`${name}.json`, FOLDER), "utf8"));
const names = Object.keys(SCHEMAS) as (keyof typeof SCHEMAS)[];

describe.each(names)("a %s of version 1", (name) => {
  const schema: z.ZodType = SCHEMAS[name];
  const examples = (read(name) as Record<string, unknown>[]).map((example, at) => ({ at, example }));

  it.each(examples)("is read as it was written, example $at", ({ example }) => {
    expect(schema.parse(example)).toEqual(example);
  });

  it.each(examples.filter(({ example }) => "v" in example))(
    "is not read as one of version 2, example $at",
    ({ example }) => {
      expect(schema.safeParse({ ...example, v: 2 }).success).toBe(false);
    },
  );
});

describe.each(Object.keys(TABLES) as (keyof typeof TABLES)[])("the requests of %s", (table) => {
  const schemas: Record<string, z.ZodType> = TABLES[table];
  const fixtures = read(table) as Record<string, unknown[]>;
  const rows = Object.entries(fixtures).flatMap(([verb, examples]) =>
    examples.map((example, at) => ({ verb, at, example })),
  );

  it("have at least one example each", () => {
    expect(Object.keys(fixtures).sort()).toEqual(Object.keys(schemas).sort());
  });

  it.each(rows)("$verb is read, example $at", ({ verb, example }) => {
    const read = schemas[verb]?.safeParse(example);
    expect(read?.error?.issues).toBeUndefined();
  });

  it.each(rows.filter(({ at }) => at === 0))(
    "$verb loses nothing of what is written out",
    ({ verb, example }) => {
      expect(schemas[verb]?.parse(example)).toMatchObject(example as object);
    },
  );
});

describe("a key that is not known", () => {
  const RECORDS = [
    "ActionRecord",
    "JetRecord",
    "RunnerPresence",
    "HistoryEntry",
    "ResumeBody",
    "ToldMessage",
  ] as const;
  it.each(RECORDS)("is left aside in a %s: a newer process may have written it", (name) => {
    const [example] = read(name) as object[];
    expect(SCHEMAS[name].parse({ ...example, newer: 1 })).toEqual(example);
  });

  it.each(["TriggerBody", "TargetBody"] as const)("is refused in a %s, which comes from outside", (name) => {
    const [example] = read(name) as object[];
    expect(SCHEMAS[name].safeParse({ ...example, newer: 1 }).success).toBe(false);
  });

  it("is refused in every request to the API", () => {
    const fixtures = read("API_REQUESTS") as Record<string, object[]>;
    const taken = Object.entries(protocol.API_REQUESTS).filter(
      ([endpoint, schema]) => schema.safeParse({ ...fixtures[endpoint]?.[0], newer: 1 }).success,
    );
    expect(taken.map(([endpoint]) => endpoint)).toEqual([]);
  });
});

describe("the golden fixtures", () => {
  it("are there for every schema, and none is there for no schema", () => {
    const files = readdirSync(FOLDER).map((file) => file.replace(/\.json$/, ""));
    expect(files.sort()).toEqual([...Object.keys(SCHEMAS), ...Object.keys(TABLES)].sort());
  });

  it("leave out no schema that the protocol exports but those that are part of another", () => {
    const schemas = Object.entries(protocol).filter(
      ([, value]) => typeof value === "object" && "safeParse" in value,
    );
    const known = [...Object.keys(SCHEMAS), ...WITHIN];
    expect(schemas.map(([name]) => name).filter((name) => !known.includes(name))).toEqual([]);
  });

  it("show an action in each of its states", () => {
    const states = (read("ActionRecord") as { state: string }[]).map(({ state }) => state);
    expect([...new Set(states)].sort()).toEqual([...protocol.ActionState.options].sort());
  });
});
