// What this phone keeps of a ticket, and how it proves itself to central.
//
// No key here can be read, not even by this page: the browser made two of them and gives neither
// out, and the ticket's key is opened straight into one that computes and nothing else.

const CURVE = {name: 'ECDSA', namedCurve: 'P-256'};
const AGREEMENT = {name: 'ECDH', namedCurve: 'P-256'};
export const STEP = 30;

const packed = bytes => btoa(String.fromCharCode(...new Uint8Array(bytes)));
const unpacked = text => Uint8Array.from(atob(text), character => character.charCodeAt(0));
const text = words => new TextEncoder().encode(words);

export const able = () => Boolean(globalThis.crypto?.subtle && globalThis.indexedDB);

function kept(mode, deed) {
  return new Promise((done, failed) => {
    const opening = indexedDB.open('gatehouse', 1);
    opening.onupgradeneeded = () => opening.result.createObjectStore('phone');
    opening.onerror = () => failed(opening.error);
    opening.onsuccess = () => {
      const database = opening.result, transaction = database.transaction('phone', mode, {durability: 'strict'});
      const asked = deed(transaction.objectStore('phone'));
      transaction.oncomplete = () => { database.close(); done(asked.result); };
      transaction.onerror = transaction.onabort = () => { database.close(); failed(transaction.error); };
    };
  });
}

export const recall = token => kept('readonly', store => store.get(token));
export const remember = (token, phone) => kept('readwrite', store => store.put(phone, token));
export const forget = token => kept('readwrite', store => store.delete(token));

// Make a phone's two pairs of keys.
export async function begin() {
  const signing = await crypto.subtle.generateKey(CURVE, false, ['sign', 'verify']);
  const agreement = await crypto.subtle.generateKey(AGREEMENT, false, ['deriveBits']);
  const point = new Uint8Array(await crypto.subtle.exportKey('raw', signing.publicKey));
  const name = Array.from(point, byte => byte.toString(16).padStart(2, '0')).join('');
  return {signing, agreement, name, key: null, ticket: '', generation: -1};
}

// Return the body of a request that only this phone can have made, at `now` (seconds at central).
export async function signed(verb, token, phone, now) {
  const points = [];
  for (const pair of [phone.signing, phone.agreement]) points.push(packed(await crypto.subtle.exportKey('raw', pair.publicKey)));
  const at = Math.floor(now), said = text([verb, token, at, ...points].join(' '));
  const signature = await crypto.subtle.sign({name: 'ECDSA', hash: 'SHA-256'}, phone.signing.privateKey, said);
  return JSON.stringify({signing: points[0], agreement: points[1], at, signature: packed(signature)});
}

// Open the ticket's key, sealed to this phone, into one that signs and cannot be read.
export async function opened(phone, answer) {
  const theirs = await crypto.subtle.importKey('raw', unpacked(answer.point), AGREEMENT, false, []);
  const shared = await crypto.subtle.deriveBits({name: 'ECDH', public: theirs}, phone.agreement.privateKey, 256);
  const base = await crypto.subtle.importKey('raw', shared, 'HKDF', false, ['deriveKey']);
  const derivation = {name: 'HKDF', hash: 'SHA-256', salt: new Uint8Array(), info: text('gatehouse holder key')};
  const secret = await crypto.subtle.deriveKey(derivation, base, {name: 'AES-GCM', length: 256}, false, ['unwrapKey']);
  return crypto.subtle.unwrapKey('raw', unpacked(answer.sealed), secret, {name: 'AES-GCM', iv: unpacked(answer.nonce)},
    {name: 'HMAC', hash: 'SHA-1'}, false, ['sign']);
}

// Return the GH9 of a step of 30 seconds (RFC 6238; wire/rotating.py says how it is put together).
export async function moving(phone, step) {
  const counter = new DataView(new ArrayBuffer(8));
  counter.setBigUint64(0, BigInt(step));
  const mac = new DataView(await crypto.subtle.sign('HMAC', phone.key, counter.buffer));
  const number = mac.getUint32(mac.getUint8(19) & 15) & 0x7fffffff;
  const digits = String(number % 1e8).padStart(8, '0');
  return 'GH9' + phone.ticket.slice(3) + String(step * STEP).padStart(10, '0') + digits;
}
