/* The live connection: follows /stream, comes back with a jittered back-off, and gives up on a
   connection that has gone quiet. Each message is acknowledged once it is on screen, and the desk
   sends no other before: a slow browser gets fewer frames, never older ones. */
"use strict";
{
  const desk = (window.desk ??= {});
  const FIRST_DELAY_MS = 400;
  const LONGEST_DELAY_MS = 8_000;
  const QUIET_MS = 10_000;

  desk.connect = (hear) => {
    const decoder = new TextDecoder();
    const line = { open: false, retryAt: 0 };
    let attempts = 0;
    let heardAt = 0;
    let socket = null;
    let owed = false;

    const acknowledge = () => {
      if (owed && socket.readyState === WebSocket.OPEN) socket.send("shown");
      owed = false;
    };

    const owe = () => {
      owed = true;
      if (document.hidden) acknowledge();
      else requestAnimationFrame(acknowledge);
    };

    const retry = () => {
      line.open = false;
      const ceiling = Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** attempts++);
      const delay = ceiling * (0.5 + Math.random() / 2);
      line.retryAt = performance.now() + delay;
      setTimeout(open, delay);
    };

    const open = () => {
      const scheme = location.protocol === "https:" ? "wss" : "ws";
      socket = new WebSocket(`${scheme}://${location.host}/stream`);
      socket.binaryType = "arraybuffer";
      heardAt = performance.now();
      socket.onmessage = (event) => {
        heardAt = performance.now();
        line.open = true;
        attempts = 0;
        hear(JSON.parse(decoder.decode(event.data)));
        owe();
      };
      socket.onclose = retry;
    };

    document.addEventListener("visibilitychange", acknowledge);
    setInterval(() => {
      if (socket.readyState <= WebSocket.OPEN && performance.now() - heardAt > QUIET_MS) {
        socket.onclose = null;
        socket.close();
        retry();
      }
    }, 1_000);

    open();
    return line;
  };
}
