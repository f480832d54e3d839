export interface Backoff {
  readonly backoff: number;
  readonly factor: number;
  readonly max: number;
  readonly jitter: boolean;
}

/**
 * Milliseconds to wait before try `attempt + 1`, where `attempt` counts from 1. `random` is in [0, 1): with
 * jitter the wait lies between half and the whole of the computed one, so that it never collapses to none.
 */
export function backoffMs(policy: Backoff, attempt: number, random: number): number {
  // 0 times a factor that has grown to infinity is no number.
  const whole =
    policy.backoff === 0
      ? 0
      : Math.min(policy.max, policy.backoff * policy.factor ** Math.max(0, attempt - 1));
  return Math.round(policy.jitter ? whole * (0.5 + random / 2) : whole);
}
