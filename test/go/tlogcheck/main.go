// Tlogcheck is an outside judge of our transparency logs: Go's own tlog and note packages look at what
// we wrote. It reads requests, a JSON object per line, and answers each with one line. Cosignatures are
// not in those packages; the verifier for Ed25519 ones (C2SP tlog-cosignature) is the little one below.
package main

import (
	"bufio"
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

type request struct {
	Op string
	// note, log
	Note      []byte
	Log       string
	Witnesses []string
	Dir       string
	Indexes   []int64
	Olds      []int64
	// record, tree
	Size    int64
	Root    tlog.Hash
	Index   int64
	Leaf    tlog.Hash
	OldSize int64
	OldRoot tlog.Hash
	Proof   []tlog.Hash
}

type answer struct {
	Error       string        `json:"error,omitempty"`
	Signers     []string      `json:"signers,omitempty"`
	Size        int64         `json:"size,omitempty"`
	Inclusion   [][]tlog.Hash `json:"inclusion,omitempty"`
	Consistency [][]tlog.Hash `json:"consistency,omitempty"`
	OldRoots    []tlog.Hash   `json:"oldRoots,omitempty"`
}

func main() {
	in := bufio.NewScanner(os.Stdin)
	in.Buffer(nil, 1<<24)
	out := json.NewEncoder(os.Stdout)
	for in.Scan() {
		var r request
		a, err := answer{}, json.Unmarshal(in.Bytes(), &r)
		if err == nil {
			a, err = judge(r)
		}
		if err != nil {
			a = answer{Error: err.Error()}
		}
		if err := out.Encode(a); err != nil {
			panic(err)
		}
	}
}

func judge(r request) (answer, error) {
	switch r.Op {
	case "record":
		return answer{}, tlog.CheckRecord(r.Proof, r.Size, r.Root, r.Index, r.Leaf)
	case "tree":
		return answer{}, tlog.CheckTree(r.Proof, r.Size, r.Root, r.OldSize, r.OldRoot)
	case "note":
		_, signers, err := open(r.Note, r)
		return answer{Signers: signers}, err
	case "log":
		return log(r)
	}
	return answer{}, fmt.Errorf("no operation %q", r.Op)
}

// log opens the checkpoint in the folder, reads the tree of its size out of the tiles beside it, and gives
// the proofs that Go makes of them; every hash is verified against the signed root by tlog.TileHashReader.
func log(r request) (answer, error) {
	data, err := os.ReadFile(filepath.Join(r.Dir, "checkpoint"))
	if err != nil {
		return answer{}, err
	}
	tree, signers, err := open(data, r)
	if err != nil {
		return answer{}, err
	}
	a := answer{Signers: signers, Size: tree.N}
	hashes := tlog.TileHashReader(tree, tiles(r.Dir))
	for _, i := range r.Indexes {
		proof, err := tlog.ProveRecord(tree.N, i, hashes)
		if err != nil {
			return answer{}, err
		}
		entry, err := entry(r.Dir, tree.N, i)
		if err != nil {
			return answer{}, err
		}
		if err := tlog.CheckRecord(proof, tree.N, tree.Hash, i, tlog.RecordHash(entry)); err != nil {
			return answer{}, err
		}
		a.Inclusion = append(a.Inclusion, append([]tlog.Hash{}, proof...))
	}
	for _, old := range r.Olds {
		root, err := tlog.TreeHash(old, hashes)
		if err != nil {
			return answer{}, err
		}
		proof, err := tlog.ProveTree(tree.N, old, hashes)
		if err != nil {
			return answer{}, err
		}
		if err := tlog.CheckTree(proof, tree.N, tree.Hash, old, root); err != nil {
			return answer{}, err
		}
		a.OldRoots = append(a.OldRoots, root)
		a.Consistency = append(a.Consistency, append([]tlog.Hash{}, proof...))
	}
	return a, nil
}

// open verifies the log's signature and those of the witnesses, and reads the checkpoint's three lines.
func open(data []byte, r request) (tree tlog.Tree, signers []string, err error) {
	verifier, err := note.NewVerifier(r.Log)
	if err != nil {
		return tree, nil, err
	}
	verifiers := []note.Verifier{verifier}
	for _, text := range r.Witnesses {
		witness, err := newWitness(text)
		if err != nil {
			return tree, nil, err
		}
		verifiers = append(verifiers, witness)
	}
	n, err := note.Open(data, note.VerifierList(verifiers...))
	if err != nil {
		return tree, nil, err
	}
	for _, sig := range n.Sigs {
		signers = append(signers, sig.Name)
	}
	lines := strings.Split(n.Text, "\n")
	if len(lines) < 4 {
		return tree, nil, errors.New("no checkpoint")
	}
	if lines[0] != verifier.Name() {
		return tree, nil, errors.New("another origin")
	}
	if tree.N, err = strconv.ParseInt(lines[1], 10, 64); err != nil {
		return tree, nil, err
	}
	tree.Hash, err = tlog.ParseHash(lines[2])
	return tree, signers, err
}

// tiles reads C2SP's paths, which differ from those of Go's checksum database by the height.
type tiles string

func (tiles) Height() int                     { return 8 }
func (tiles) SaveTiles([]tlog.Tile, [][]byte) {}
func (dir tiles) ReadTiles(list []tlog.Tile) ([][]byte, error) {
	var all [][]byte
	for _, t := range list {
		path := strings.Replace(t.Path(), "tile/8/", "tile/", 1)
		data, err := os.ReadFile(filepath.Join(string(dir), path))
		if err != nil {
			return nil, err
		}
		all = append(all, data)
	}
	return all, nil
}

// entry finds one in its bundle.
func entry(dir string, size, index int64) ([]byte, error) {
	t := tlog.Tile{H: 8, L: 0, N: index / 256, W: 256}
	if (t.N+1)*256 > size {
		t.W = int(size % 256)
	}
	path := strings.Replace(t.Path(), "tile/8/0/", "tile/entries/", 1)
	data, err := os.ReadFile(filepath.Join(dir, path))
	if err != nil {
		return nil, err
	}
	for i := int64(0); ; i++ {
		if len(data) < 2 || len(data) < 2+int(binary.BigEndian.Uint16(data)) {
			return nil, errors.New("the bundle ends too early")
		}
		end := 2 + int(binary.BigEndian.Uint16(data))
		if i == index%256 {
			return data[2:end], nil
		}
		data = data[end:]
	}
}

// witness verifies cosignature/v1: the time, then the whole text.
type witness struct {
	name string
	hash uint32
	key  ed25519.PublicKey
}

func newWitness(vkey string) (*witness, error) {
	parts := strings.SplitN(vkey, "+", 3)
	if len(parts) != 3 {
		return nil, errors.New("no verifier key")
	}
	key, err := base64.StdEncoding.DecodeString(parts[2])
	if err != nil || len(key) != 33 || key[0] != 4 {
		return nil, errors.New("no key of a witness")
	}
	sum := sha256.Sum256(append([]byte(parts[0]+"\n"), key...))
	hash := binary.BigEndian.Uint32(sum[:])
	if fmt.Sprintf("%08x", hash) != parts[1] {
		return nil, errors.New("the id is not the key's")
	}
	return &witness{parts[0], hash, key[1:]}, nil
}

func (w *witness) Name() string    { return w.name }
func (w *witness) KeyHash() uint32 { return w.hash }
func (w *witness) Verify(text, sig []byte) bool {
	if len(sig) != 8+ed25519.SignatureSize {
		return false
	}
	message := bytes.NewBufferString(fmt.Sprintf("cosignature/v1\ntime %d\n", binary.BigEndian.Uint64(sig)))
	message.Write(text)
	return ed25519.Verify(w.key, message.Bytes(), sig[8:])
}
