// The page's calls, each a POST to the /people interface. A failure is a value with a sentence, not an exception: the
// page shows it beside the button that was pressed.

/**
 * @typedef {object} Reply
 * @property {boolean} ok        the workspace took the request
 * @property {boolean} [acked]   the bot acknowledged within 3 seconds; absent where the bot is not asked
 * @property {number} [ms]
 * @property {string} [ts]      the message just said
 * @property {Record<string, string>} [errors]   a sentence for each refused field, by block_id
 * @property {string} [error]    why the request failed, as one sentence
 */

/**
 * @param {"send" | "click" | "submit" | "close" | "command" | "home"} what
 * @param {Record<string, unknown>} body
 * @returns {Promise<Reply>}
 */
export async function post(what, body) {
  let response;
  try {
    response = await fetch(`/people/${what}`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(body),
    });
  } catch {
    return { ok: false, error: "The local workspace cannot be reached. Is it still running?" };
  }
  const text = await response.text();
  let data = /** @type {any} */ ({});
  try {
    data = text ? JSON.parse(text) : {};
  } catch {
    data = { error: text.slice(0, 300) };
  }
  const said = data.message ?? data.error;
  if (!response.ok || data.ok === false) {
    return { ...data, ok: false, error: said || `The local workspace answered with status ${response.status}.` };
  }
  return { ...data, ok: true };
}

/**
 * One sentence about a reply that is not a success, or null.
 * @param {Reply} reply @param {string} bot
 */
export function complaint(reply, bot) {
  if (!reply.ok) return reply.error ?? "That did not work.";
  if (reply.acked === false) return reply.error ?? `${bot} did not answer within 3 seconds.`;
  return null;
}
