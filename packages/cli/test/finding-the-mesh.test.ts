import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { findMesh, findUser, readSettings, readUrlFile } from "../src/settings.ts";

describe("the mesh is found", () => {
  const fromFile = (): string => "nats://file:1";

  it("by --url before all", () => {
    const env = { NATS_URL: "nats://env:1" };
    expect(findMesh({ url: "nats://option:1" }, env, fromFile)).toEqual({
      url: "nats://option:1",
      from: "--url",
    });
  });

  it("by NATS_URL before what `up` wrote, unless it is empty", () => {
    expect(findMesh({}, { NATS_URL: "nats://env:1" }, fromFile).url).toBe("nats://env:1");
    expect(findMesh({}, { NATS_URL: "" }, fromFile).url).toBe("nats://file:1");
  });

  it("at the usual port where nothing says otherwise", () => {
    expect(findMesh({}, {}, () => undefined).url).toBe("nats://127.0.0.1:4222");
  });

  it("by the file of a store, and by none where that is missing or empty", () => {
    const store = mkdtempSync(join(tmpdir(), "jm-settings-"));
    expect(readUrlFile(store)).toBeUndefined();
    writeFileSync(join(store, "url"), "\n");
    expect(readUrlFile(store)).toBeUndefined();
    writeFileSync(join(store, "url"), "nats://127.0.0.1:1\n");
    expect(readUrlFile(store)).toBe("nats://127.0.0.1:1");
    rmSync(store, { recursive: true });
  });
});

describe("who asks", () => {
  it("is --user, JM_USER, JM_ROOT_USER, root: the first that is there", () => {
    const env = { JM_USER: "bob", JM_ROOT_USER: "admin" };
    expect(findUser({ user: "alice" }, env)).toBe("alice");
    expect(findUser({}, env)).toBe("bob");
    expect(findUser({}, { ...env, JM_USER: "" })).toBe("admin");
    expect(findUser({}, {})).toBe("root");
  });

  it("cannot be what is illegal in a subject", () => {
    expect(() => findUser({}, { JM_USER: "a.b" })).toThrow("'a.b' cannot be a user");
  });
});

describe("the prefix", () => {
  it("renames the subjects and buckets", () => {
    expect(readSettings({}, { JM_PREFIX: "two" }).names.buckets.jets).toBe("two_jets");
    expect(readSettings({}, { JM_PREFIX: "" }).names.buckets.jets).toBe("jm_jets");
    expect(() => readSettings({}, { JM_PREFIX: "A" })).toThrow("JM_PREFIX");
  });
});
