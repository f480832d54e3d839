import { connectClient, isRefusal } from "@jetmesh/client";

const client = await connectClient({
  url: process.env["NATS_URL"] ?? "nats://127.0.0.1:4222",
  user: process.env["JM_USER"] ?? "root",
});

// Definitions: all of them, or none.
const document = (kind: string, reference: string, rest: object = {}): { document: object } => ({
  document: { apiVersion: "jetmesh/v1", kind, reference, name: reference, ...rest },
});
await client.call("import", {
  documents: [
    document("State", "brewing"),
    document("State", "ready"),
    document("Plan", "brew", { steps: [{ shell: "echo brewed {{ argument.cups }}" }] }),
    document("Template", "teapot", {
      actions: [
        { reference: "make", name: "Make", transit: "brewing", to: "ready" },
        { reference: "brew", name: "Brew", from: "ready", transit: "brewing", to: "ready", plan: "brew" },
        { reference: "break", name: "Break", from: "ready", transit: "brewing" },
      ],
    }),
  ],
});

// `wait` answers when the action has ended; the same key again is the same request, and has no further effect.
await client.call("jet.create", { template: "teapot", reference: "brown", wait: true, key: "order-1" });
const brewed = await client.call("jet.trigger", {
  jet: "brown",
  action: "brew",
  argument: { cups: 3 },
  wait: true,
  timeoutMs: 30_000,
});
console.log(brewed.outcome, brewed.state);

// What a step printed.
const logs = await client.call("action.logs", { id: brewed.actionId ?? "" });
for (const { data } of logs.items) process.stdout.write(Buffer.from(data, "base64"));

// A list, as it is read, however many pages it takes.
for await (const jet of client.pages("jet.list", { template: "teapot" }))
  console.log(jet.reference, jet.state);

// Refusals have a code of docs/errors.md.
try {
  await client.call("jet.trigger", { jet: "blue", action: "brew" });
} catch (error) {
  if (!isRefusal(error, "unknown_jet")) throw error;
  console.log(error.code);
}

await client.call("jet.trigger", { jet: "brown", action: "break", wait: true });
await client.close();
