import type { WorkflowStep } from "@jetmesh/protocol";
import { expect, test } from "vitest";
import { formatWorkflowStep } from "../src/action-progress.ts";

const at = "2026-01-01T12:00:00.000Z";
const step = (more: Partial<WorkflowStep>): WorkflowStep => ({
  ref: "build",
  n: 0,
  what: "action",
  at,
  ...more,
});

test.each([
  [
    step({
      of: "image",
      child: "0123456789abcdef",
      end: { order: 0, at: "2026-01-01T12:00:00.310Z", outcome: "SUCCESS" },
    }),
    /^step build {2}SUCCESS after 0\.31 s {2}\(image 0123456789abcdef\)$/,
  ],
  [
    step({
      what: "call",
      end: { order: 0, at, outcome: "ERROR", error: { code: "no", message: "it broke" } },
    }),
    /^step build {2}ERROR after .*: it broke {2}\(call\)$/,
  ],
  [step({ of: "build" }), /^step build {2}open since \d\d:\d\d:\d\d/],
  [
    step({ ref: "approved", what: "wait", of: "approved", until: at }),
    /^step approved {2}until .* {2}\(wait\)$/,
  ],
])("a step of a workflow is one line that says what it is, and how it went", (given, line) => {
  expect(formatWorkflowStep(given)).toMatch(line);
});
