// The release of the wire protocol that this server speaks: what peers see in `x-proxy-version`. It must be a semantic
// version without a pre-release and not below 7.6.0, or servers with a minimum refuse us (wire-message §2.1).
export const PRODUCT_VERSION = '7.8.0'
