import { defineAction, defineWorkflow, failure, runRunner, success } from "@jetmesh/sdk";
import { z } from "zod";

/**
 * An order: what is reserved and paid is given back where the order cannot be shipped, and also when somebody rolls the
 * whole of it back later. What stands in for the shop's own services only says what it would do.
 */
const reserve = defineAction({
  kind: "reserve",
  argument: z.object({ item: z.string() }),
  result: z.object({ reservation: z.string() }),
  main: ({ argument, id, log }) => {
    log(`reserved ${argument.item}`);
    return success({ reservation: id });
  },
  rollback: ({ argument, log }) => log(`gave ${argument.item} back`),
});

const pay = defineAction({
  kind: "pay",
  argument: z.object({ cents: z.int().positive() }),
  result: z.object({ paid: z.int() }),
  main: ({ argument, log }) => {
    log(`took ${String(argument.cents)}`);
    return success({ paid: argument.cents });
  },
  rollback: ({ argument, log }) => log(`paid ${String(argument.cents)} back`),
});

const ship = defineAction({
  kind: "ship",
  argument: z.object({ item: z.string(), to: z.string() }),
  result: z.null(),
  main: ({ argument }) =>
    argument.to === "nowhere" ? failure("no_such_place", "nobody ships to nowhere") : success(null),
});

const refund = defineAction({
  kind: "refund",
  argument: z.object({ cents: z.int() }),
  result: z.null(),
  main: ({ argument, log }) => {
    log(`refunded ${String(argument.cents)}`);
    return success(null);
  },
});

const order = defineWorkflow({
  kind: "order",
  argument: z.object({ item: z.string(), cents: z.int(), to: z.string() }),
  result: z.string(),
  rollback: true,
  run: async (flow) => {
    const { item, cents, to } = flow.argument;
    await flow.do("reserve", reserve, { item });
    await flow.do("pay", pay, { cents });
    try {
      await flow.do("ship", ship, { item, to });
    } catch (error) {
      await flow.do("refund", refund, { cents });
      throw error;
    }
    return `${item} is on its way to ${to}`;
  },
});

await runRunner({ kinds: [reserve, pay, ship, refund, order] });
