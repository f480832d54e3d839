import { describe, expect, it } from "vitest";
import { z } from "zod";
import { BaseConfig, ConfigError, loadConfig } from "../src/index.ts";

const messageOf = (env: Record<string, string | undefined>): string => {
  try {
    loadConfig(BaseConfig, env);
  } catch (thrown) {
    if (thrown instanceof ConfigError) return thrown.message;
    throw thrown;
  }
  throw new Error("it was taken");
};

describe("a configuration read from an environment", () => {
  it("has every default where nothing is set", () => {
    expect(loadConfig(BaseConfig, {})).toEqual({
      NATS_URL: "nats://127.0.0.1:4222",
      NATS_JS_API: "$JS.API",
      JM_PREFIX: "jm",
      JM_LOG_LEVEL: "info",
      JM_REPLICAS: 1,
      JM_CLOSED_TTL_MS: 86_400_000,
      JM_PRESENCE_TTL_MS: 15_000,
      JM_ROOT_USER: "root",
      JM_DRAIN_MS: 10_000,
    });
  });

  it("takes an empty variable for one that is not set", () => {
    const empty = Object.fromEntries(Object.keys(BaseConfig.shape).map((name) => [name, ""]));
    expect(loadConfig(BaseConfig, empty)).toEqual(loadConfig(BaseConfig, {}));
    expect(loadConfig(BaseConfig, { JM_REPLICAS: undefined })).toEqual(loadConfig(BaseConfig, {}));
  });

  it("passes over what is none of its own", () => {
    expect(loadConfig(BaseConfig, { PATH: "/bin", JM_SOMETHING: "else" })).toEqual(
      loadConfig(BaseConfig, {}),
    );
  });

  it("makes numbers of text", () => {
    expect(loadConfig(BaseConfig, { JM_REPLICAS: "3", JM_DRAIN_MS: "0" })).toMatchObject({
      JM_REPLICAS: 3,
      JM_DRAIN_MS: 0,
    });
  });

  it("names every fault at once, each by its variable", () => {
    const wrong = {
      JM_PREFIX: "No!",
      JM_LOG_LEVEL: "loud",
      JM_REPLICAS: "many",
      JM_CLOSED_TTL_MS: "0",
      JM_PRESENCE_TTL_MS: "1.5",
      JM_ROOT_USER: "Some One",
      JM_DRAIN_MS: "-1",
    };
    const message = messageOf(wrong);
    for (const name of Object.keys(wrong)) expect(message).toContain(`  ${name}: `);
    expect(message.split("\n")).toHaveLength(1 + Object.keys(wrong).length);
  });

  it("does not repeat a wrong value, which may be a secret put into the wrong variable", () => {
    expect(messageOf({ JM_PREFIX: "SECRET-token" })).not.toContain("SECRET-token");
  });

  it("refuses blanks where a number belongs", () => {
    expect(messageOf({ JM_REPLICAS: " " })).toContain("JM_REPLICAS");
  });

  it("has what a service adds beside what all share", () => {
    const schema = BaseConfig.extend({ JM_EXTRA: z.coerce.number().default(7) });
    expect(loadConfig(schema, { JM_PREFIX: "other" })).toMatchObject({ JM_PREFIX: "other", JM_EXTRA: 7 });
  });
});
