import { expect, test } from "vitest";
import { parseArguments } from "../arguments.ts";

test("without any it measures everything at four loads", () => {
  expect(parseArguments([])).toMatchObject({
    json: false,
    onlyJetmesh: false,
    engines: undefined,
    modes: ["default", "always"],
    inFlight: [1, 16, 64, 256],
    takeOver: true,
  });
});

test("with us alone no worker is killed, unless that is asked for", () => {
  expect(parseArguments(["--only", "jetmesh"])).toMatchObject({ onlyJetmesh: true, takeOver: false });
  expect(parseArguments(["--only", "jetmesh", "--take-over", "yes"]).takeOver).toBe(true);
});

test.each([
  [["--only", "bullmq"], "--only is 'jetmesh'"],
  [["--modes", "never"], "--modes is"],
  [["--inFlight", "1,x"], "--inFlight is from 1"],
  [["--inFlight", "1.5"], "--inFlight is whole numbers"],
  [["--seconds", "0"], "--seconds is from"],
  [["--rounds", "0.5"], "--rounds is from"],
  [["--secnods", "1"], "--secnods"],
])("%j is refused with what is wrong", (words, says) => {
  expect(() => parseArguments(words)).toThrow(says);
});
