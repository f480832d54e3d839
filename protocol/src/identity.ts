import { z } from "zod";
import { ActionRecord } from "./action.ts";
import { ActionId, Json, Version } from "./ids.ts";

/**
 * Which action stands for all that are the same: the value of `jm_leases/same.<kind>.<hash>`, for as long as that one is
 * open, or, of a kind that does a thing once, for ever.
 */
export const IdentityRecord = z.object({
  v: Version,
  id: ActionId,
  /** The action as it is to be made, where who wrote this did not come to it; absent once it is over. */
  leader: ActionRecord.optional(),
  /** Those that end as it does, each as it is to be made. */
  followers: z.array(ActionRecord),
  /** It has succeeded, and is not done again. */
  done: z.object({ result: Json.optional() }).optional(),
});
export type IdentityRecord = z.infer<typeof IdentityRecord>;

/** Beside those of who leads, in a bucket whose records may have an end. */
export const identityKey = (kind: string, hash: string): string => `same.${kind}.${hash}`;
/** More than these wait for one action no further ones are taken. */
export const MAX_FOLLOWERS = 256;
