// What the scripts of the webhook queue have in common.

/** Of what is not added to for so long nothing waits any more, and nobody has asked for its dead letters. */
export const WEBHOOK_KEEP_SECONDS = 7 * 86_400;

/**
 * Of each app's stream. What the group was given and has not acknowledged is what is left by whoever delivered.
 * One consumer for all nodes: one of them delivers at a time, and has what the last one left without claiming it.
 */
export const GROUP = 'fanfare';
export const CONSUMER = 'deliverer';
