import { z } from "zod";
import { Json } from "./ids.ts";

/** An error as data: any thrown value, with cycles and huge values cut. */
export const ActionError = z.object({
  code: z.string().max(100),
  message: z.string(),
  details: Json.optional(),
  stack: z.string().optional(),
});
export type ActionError = z.infer<typeof ActionError>;
