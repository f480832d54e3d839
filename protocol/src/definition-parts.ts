import { z } from "zod";

/** What definitions of several kinds are made of. */
export const AccessLevel = z.enum(["user", "manager", "root"]);
export type AccessLevel = z.infer<typeof AccessLevel>;

export const Name = z.string().min(1).max(200);
export const Note = z.string().max(10_000);

/** What becomes of a trigger while an action of its jet is open. */
export const OnBusy = z.enum(["refuse", "queue"]);
export type OnBusy = z.infer<typeof OnBusy>;
