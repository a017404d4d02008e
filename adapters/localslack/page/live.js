// The live connection: a WebSocket that brings the whole state on every change, opened again when it breaks.

const FIRST_WAIT = 300;
const LONGEST_WAIT = 4000;

/**
 * Follows the workspace as one person until the returned function is called.
 * @param {string} person
 * @param {{state: (state: any) => void, status: (status: "connecting" | "live" | "lost") => void,
 *          unknown: () => void}} tell
 * @returns {() => void} stops following
 */
export function follow(person, tell) {
  const query = `as=${encodeURIComponent(person)}`;
  /** @type {WebSocket | null} */
  let socket = null;
  let timer = 0;
  let wait = FIRST_WAIT;
  let stopped = false;

  async function open() {
    // A WebSocket does not say why it was refused; this request does, and it draws the page a moment earlier.
    try {
      const response = await fetch(`/people/state?${query}`);
      if (stopped) return;
      if (response.status >= 400 && response.status < 500) return tell.unknown();
      if (!response.ok) return again();
      tell.state(await response.json());
    } catch {
      return again();
    }
    if (stopped) return;
    socket = new WebSocket(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/people/live?${query}`);
    socket.onopen = () => {
      wait = FIRST_WAIT;
      if (!stopped) tell.status("live");
    };
    socket.onmessage = (event) => {
      if (!stopped) tell.state(JSON.parse(event.data));
    };
    socket.onclose = again;
  }

  function again() {
    if (stopped) return;
    tell.status("lost");
    timer = setTimeout(open, wait);
    wait = Math.min(wait * 1.6, LONGEST_WAIT);
  }

  tell.status("connecting");
  open();
  return () => {
    stopped = true;
    clearTimeout(timer);
    socket?.close();
  };
}
