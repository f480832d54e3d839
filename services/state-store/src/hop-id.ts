import type { Target } from "@jetmesh/protocol";
import { actionIdOfChild } from "@jetmesh/service-kit";

/** The id of the next action on the way to a target. */
export const hopId = ({ id, hops }: Pick<Target, "id" | "hops">): string => actionIdOfChild(id, "hop", hops);
