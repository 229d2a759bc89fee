// Google's sign-in by `emulate`, on this machine's own address only. Argument: JSON of {port, seed}.
import net from "node:net";
import {createEmulator} from "emulate";

const listen = net.Server.prototype.listen;
net.Server.prototype.listen = function (port) {
  return listen.call(this, {port, host: "127.0.0.1"});
};
const {port, seed} = JSON.parse(process.argv[2]);
await createEmulator({service: "google", port, seed: {google: seed}, baseUrl: `http://127.0.0.1:${port}`});
