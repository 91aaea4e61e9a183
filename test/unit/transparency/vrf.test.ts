// RFC 9381: its own vectors, and that nothing but the one output can be proved.
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { openVrf, VRF_PROOF_BYTES, vrfVerify } from '#transparency'

const hex = (text: string) => Buffer.from(text, 'hex')

// Appendix B.3, examples 16 to 18.
const VECTORS: readonly (readonly [secret: string, input: string, publicKey: string, proof: string, output: string])[] =
  [
    [
      '9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60',
      '',
      'd75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a',
      '8657106690b5526245a92b003bb079ccd1a92130477671f6fc01ad16f26f723f26f8a57ccaed74ee1b190bed1f479d9727d2d0f9b005a6e456a35d4fb0daab1268a1b0db10836d9826a528ca76567805',
      '90cf1df3b703cce59e2a35b925d411164068269d7b2d29f3301c03dd757876ff66b71dda49d2de59d03450451af026798e8f81cd2e333de5cdf4f3e140fdd8ae',
    ],
    [
      '4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb',
      '72',
      '3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c',
      'f3141cd382dc42909d19ec5110469e4feae18300e94f304590abdced48aed5933bf0864a62558b3ed7f2fea45c92a465301b3bbf5e3e54ddf2d935be3b67926da3ef39226bbc355bdc9850112c8f4b02',
      'eb4440665d3891d668e7e0fcaf587f1b4bd7fbfe99d0eb2211ccec90496310eb5e33821bc613efb94db5e5b54c70a848a0bef4553a41befc57663b56373a5031',
    ],
    [
      'c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7',
      'af82',
      'fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025',
      '9bc0f79119cc5604bf02d23b4caede71393cedfbb191434dd016d30177ccbf8096bb474e53895c362d8628ee9f9ea3c0e52c7a5c691b6c18c9979866568add7a2d41b00b05081ed0f58ee5e31b3a970e',
      '645427e5d00c62a23fb703732fa5d892940935942101e456ecca7bb217c61c452118fec1219202a0edcf038bb6373241578be7217ba85a2687f7a0310b2df19f',
    ],
  ]

for (const [number, [secret, input, publicKey, proof, output]] of VECTORS.entries())
  test(`example ${16 + number} of RFC 9381`, async () => {
    const vrf = await openVrf(hex(secret))
    assert.deepEqual(Buffer.from(vrf.publicKey), hex(publicKey))
    assert.deepEqual(Buffer.from(vrf.prove(hex(input))), hex(proof))
    assert.deepEqual(Buffer.from(vrf.output(hex(input))), hex(output))
    assert.deepEqual(await vrfVerify(hex(publicKey), hex(input), hex(proof)), hex(output))
  })

test('another input, key or proof proves nothing', async () => {
  const vrf = await openVrf(randomBytes(32))
  const input = Buffer.from('somebody')
  const proof = vrf.prove(input)
  assert.deepEqual(Buffer.from((await vrfVerify(vrf.publicKey, input, proof)) ?? []), Buffer.from(vrf.output(input)))
  const other = await openVrf(randomBytes(32))
  assert.equal(await vrfVerify(vrf.publicKey, Buffer.from('somebodies'), proof), undefined)
  assert.equal(await vrfVerify(other.publicKey, input, proof), undefined)
  assert.equal(await vrfVerify(vrf.publicKey, input, other.prove(input)), undefined)
  for (let bit = 0; bit < 8 * VRF_PROOF_BYTES; bit += 5) {
    const changed = Buffer.from(proof)
    changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit % 8))
    assert.equal(await vrfVerify(vrf.publicKey, input, changed), undefined, `${bit}`)
  }
  for (const wrong of [Buffer.alloc(0), proof.subarray(1), Buffer.alloc(80), Buffer.alloc(80, 0xff)])
    assert.equal(await vrfVerify(vrf.publicKey, input, wrong), undefined)
})

test('keys of small order, and what is no point, are no keys', async () => {
  const vrf = await openVrf(randomBytes(32))
  const proof = vrf.prove(Buffer.from('x'))
  // The identity, the points of order 2, 4 and 8, and encodings of no point.
  const keys = [
    '0100000000000000000000000000000000000000000000000000000000000000',
    'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
    '0000000000000000000000000000000000000000000000000000000000000000',
    'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a',
    '0200000000000000000000000000000000000000000000000000000000000000',
    'ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff',
  ]
  for (const key of keys) assert.equal(await vrfVerify(hex(key), Buffer.from('x'), proof), undefined, key)
})
