/** What a reader may expect in the report and does not find; said in it. */
export const NOT_MEASURED: readonly string[] = [
  "Temporal, Inngest, Hatchet, Trigger.dev, Windmill, Conductor, Camunda: their servers are images or downloads, not packages of npm or Debian.",
  "More than one machine, a network in between, replicas: everything shares the cores and the disk of one machine.",
  "More than one worker process an engine.",
  "Payloads: a job carries its id and nothing else.",
  "Batched triggers: every caller triggers one job and waits for it, as independent callers do.",
  "Jobs that fail, are repeated, delayed or scheduled; draining a backlog.",
  "What else an engine does for its price: only Jetmesh checks who may do it, keeps the state of a thing, and writes a history; Restate and DBOS journal the step.",
];
